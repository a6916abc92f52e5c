"""Serves a linear classifier of the digits with KServe. Run by the Python that has it.

python kserve_model.py FOLDER PORT
"""

import sys
from pathlib import Path


def serve(folder: Path, port: int) -> None:
    import numpy as np
    from kserve import InferOutput, InferResponse, Model, ModelServer

    weights = np.random.default_rng(0).integers(-8, 9, (64, 10)).astype(np.float32)
    np.save(folder / "weights.npy", weights)

    class Digits(Model):
        def __init__(self):
            super().__init__("digits")
            self.ready = True

        async def get_input_types(self):
            return [{"name": "pixels", "datatype": "FP32", "shape": [-1, 1, 8, 8]}]

        async def get_output_types(self):
            return [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}]

        def predict(self, payload, headers=None, response_headers=None):
            pixels = payload.inputs[0].as_numpy().reshape(-1, 64)
            scores = (pixels[:, :, None] * weights).sum(axis=1)
            out = InferOutput(name="scores", shape=list(scores.shape), datatype="FP32")
            out.set_data_from_numpy(scores, binary_data=bool(payload.request_outputs[0].binary_data))
            return InferResponse(response_id=payload.id, model_name="digits", infer_outputs=[out])

    ModelServer(http_port=port, enable_grpc=False, workers=1).start([Digits()])


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
