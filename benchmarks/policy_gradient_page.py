def write(results):
    return results
