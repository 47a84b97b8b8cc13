// The floating-point contract: no product and sum is merged unless a kernel writes fma().
#pragma OPENCL FP_CONTRACT OFF

// An integer that orders as the float does, where -0 < +0. NaN is above everything, as a comparison `x <= t` that fails.
inline int order_key(float value) {
    int bits = as_int(value);
    int key = bits ^ ((bits >> 31) & 0x7fffffff);
    return (bits & 0x7fffffff) > 0x7f800000 ? INT_MAX : key;
}
