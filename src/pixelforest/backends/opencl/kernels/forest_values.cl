// How features of type VALUE become floats, as the host would convert them.

#ifdef VALUE_IS_HALF
#define LOAD_1(p) vload_half(0, p)
#define LOAD_16(p) vload_half16(0, p)
#elif defined(VALUE_IS_FLOAT)
#define LOAD_1(p) (*(p))
#define LOAD_16(p) vload16(0, p)
#else
#ifdef VALUE_IS_DOUBLE
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#define LOAD_1(p) convert_float_rte(*(p))
#define LOAD_16(p) convert_float16_rte(vload16(0, p))
#endif
