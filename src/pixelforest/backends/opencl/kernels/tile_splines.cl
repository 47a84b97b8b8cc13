// Interpolation from samples, as a step of tiles.cl, which it follows. The samples along other axes are pixels already.

// How the input of such a step is written down: where it begins in `samples`, in vectors; the coordinates of its first
// value; height and width.
enum { SAMPLES_START = INPUTS, SAMPLES_AT, SAMPLES_HEIGHT = SAMPLES_AT + 3, SAMPLES_WIDTH };

#define VALUES_4(AT) VALUES_3(AT), d = AT(p3)
// The expression of cascade.cl.
#define R_SPLINE(T, OUT) OUT(0, fma((T)(w3), d, fma((T)(w2), c, fma((T)(w1), b, (T)(w0)*a))));

static inline void interpolate(__global const int *step, const int z, const int low, const int high, const int x,
                               const int count, __global const int *axes, __private const int *start,
                               __global float *image, __global float *slots, __global float *out,
                               __global const float *weights, __global const float *samples) {
    const int axis = step[AXIS], factor = step[RADII], streams = streams_of(step), width = step[SAMPLES_WIDTH];
    const long slice = (long)step[SAMPLES_HEIGHT] * width, stride = axis == 1 ? width : slice;
    __global const float *at_zero = samples + step[SAMPLES_START] * 16L - step[SAMPLES_AT] * slice -
                                    (long)step[SAMPLES_AT + 1] * width - step[SAMPLES_AT + 2];
    for (int y = low; y < high; y++) {
        const int p = (axis == 1 ? y : z) + factor / 2, first = p / factor - 2;
        __global const float *w = weights + step[WEIGHTS] + (p & (factor - 1));
        const float w0 = w[0], w1 = w[factor], w2 = w[2 * factor], w3 = w[3 * factor];
        __global const float *p0 =
            at_zero + x + (axis == 1 ? z * slice + (long)first * width : first * slice + (long)y * width);
        __global const float *p1 = p0 + stride, *p2 = p1 + stride, *p3 = p2 + stride;
        __global float *to0 = ROW(step[OUTPUTS], z, y) + x;
        do { // which MAP breaks
            MAP(VALUES_4, R_SPLINE)
        } while (0);
    }
}
