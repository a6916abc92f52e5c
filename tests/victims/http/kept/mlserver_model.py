"""Makes a folder for `mlserver start`: a scikit-learn classifier of the digits. Run by the Python that has MLServer.

python mlserver_model.py FOLDER PORT
"""

import json
import sys
from pathlib import Path


def make(folder: Path, port: int) -> None:
    import joblib
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    x, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=100).fit(x / 16, y)
    (folder / "digits").mkdir(parents=True)
    joblib.dump(model, folder / "digits" / "model.joblib")
    np.save(folder / "answers.npy", model.predict_proba((x[:50] / 16).astype(np.float32)))
    settings = {
        "name": "digits",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
        "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}],
        "outputs": [{"name": "predict_proba", "datatype": "FP64", "shape": [-1, 10]}],
    }
    (folder / "digits" / "model-settings.json").write_text(json.dumps(settings))
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "parallel_workers": 0} | ports))


if __name__ == "__main__":
    make(Path(sys.argv[1]), int(sys.argv[2]))
