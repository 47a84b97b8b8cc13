"""The OpenCL engine: runtime, program cache, executors and kernels."""
