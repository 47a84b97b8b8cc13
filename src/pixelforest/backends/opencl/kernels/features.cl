// Filters: one-dimensional convolutions and pointwise functions of planes.
//
// One work-item computes one pixel (x, y, z) of the output window; the global size is that window with its width
// rounded up to whole work-groups. Every value is one fixed expression of its absolute position, so tiles, remainders
// and borders cannot change a bit. Offsets count floats from the start of a buffer to the first pixel of the output window (convolutions: with the
// coordinate along the filtered axis set to 0 of the image).

#define POSITION                                                                                   \
    const int x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);                    \
    if (x >= width)                                                                                \
        return;
#define RESULT out[out_offset + ((ulong)z * get_global_size(1) + y) * width + x]

// Position that holds the value of position `p` of an image of `size` pixels along an axis.
inline int inside(int p, const int size, const int reflect)
{
    if (!reflect)
        return clamp(p, 0, size - 1);
    const int period = 2 * size;
    p %= period;
    p = p < 0 ? p + period : p;
    return min(p, period - 1 - p);
}

// acc = w[0] f(g) + sum_k w[k] (f(g + k) + parity f(g - k)), from the centre outwards
#define CORRELATE(INDEX)                                                                           \
    float sum = half_kernel[0] * in[INDEX(g)];                                                     \
    if (g >= radius && g + radius < size) {                                                        \
        for (int k = 1; k <= radius; k++)                                                          \
            sum = fma(half_kernel[k], in[INDEX(g + k)] + parity * in[INDEX(g - k)], sum);          \
    } else {                                                                                       \
        for (int k = 1; k <= radius; k++)                                                          \
            sum = fma(half_kernel[k],                                                              \
                      in[INDEX(inside(g + k, size, reflect))] +                                    \
                          parity * in[INDEX(inside(g - k, size, reflect))],                        \
                      sum);                                                                        \
    }

#define ALONG_X(p) (row + (p))
#define ACROSS_ROWS(p) (column + (long)(p) * stride)

__kernel void convolve_along_x(__global const float *restrict in, const long in_offset, const int in_row,
                               const int in_slice, const int start, const int size, const int reflect,
                               __global const float *restrict half_kernel, const int radius, const float parity,
                               __global float *restrict out, const ulong out_offset, const int width)
{
    POSITION
    const long row = in_offset + (long)z * in_slice + (long)y * in_row;
    const int g = start + x;
    CORRELATE(ALONG_X)
    RESULT = sum;
}

// `axis` is 1 for y and 2 for z; in_row or in_slice is 0 for the filtered axis, `stride` is its distance.
__kernel void convolve_across_rows(__global const float *restrict in, const long in_offset, const int in_row,
                                   const int in_slice, const int axis, const int stride, const int start,
                                   const int size, const int reflect, __global const float *restrict half_kernel,
                                   const int radius, const float parity, __global float *restrict out,
                                   const ulong out_offset, const int width)
{
    POSITION
    const long column = in_offset + (long)z * in_slice + (long)y * in_row + x;
    const int g = start + (axis == 1 ? y : z);
    CORRELATE(ACROSS_ROWS)
    RESULT = sum;
}

#define PLANE(n) __global const float *in##n, const long offset##n, const int row##n, const int slice##n
#define VALUE(n) in##n[offset##n + (long)z * slice##n + (long)y * row##n + x]
#define OUTPUT __global float *out, const ulong out_offset, const int width

__kernel void copy_1(PLANE(0), OUTPUT)
{
    POSITION
    RESULT = VALUE(0);
}

__kernel void add_2(PLANE(0), PLANE(1), OUTPUT)
{
    POSITION
    RESULT = VALUE(0) + VALUE(1);
}

__kernel void add_3(PLANE(0), PLANE(1), PLANE(2), OUTPUT)
{
    POSITION
    RESULT = VALUE(0) + VALUE(1) + VALUE(2);
}

__kernel void subtract_2(PLANE(0), PLANE(1), OUTPUT)
{
    POSITION
    RESULT = VALUE(0) - VALUE(1);
}

__kernel void multiply_2(PLANE(0), PLANE(1), OUTPUT)
{
    POSITION
    RESULT = VALUE(0) * VALUE(1);
}

// Power of two that brings values of magnitude `largest` where squares neither overflow nor vanish.
inline float square_scale(const float largest)
{
    return largest > 1e15f ? 0x1p-80f : largest < 1e-15f ? 0x1p80f : 1.0f;
}

// sqrt(a a + b b + c c); the inverse of a power of two is exact
inline float magnitude(float a, float b, float c)
{
    const float scale = square_scale(fmax(fabs(a), fmax(fabs(b), fabs(c))));
    a *= scale;
    b *= scale;
    c *= scale;
    return sqrt(fma(c, c, fma(b, b, a * a))) * (1.0f / scale);
}

__kernel void magnitude_2(PLANE(0), PLANE(1), OUTPUT)
{
    POSITION
    RESULT = magnitude(VALUE(0), VALUE(1), 0.0f);
}

__kernel void magnitude_3(PLANE(0), PLANE(1), PLANE(2), OUTPUT)
{
    POSITION
    RESULT = magnitude(VALUE(0), VALUE(1), VALUE(2));
}

// Eigenvalues of the symmetric 2 x 2 matrix (a b; b c): the mean plus (sign 1) or minus (sign -1) a root.
inline float eigenvalue_2x2(const float a, const float b, const float c, const float sign)
{
    return 0.5f * (a + c) + sign * magnitude(0.5f * (a - c), b, 0.0f);
}

__kernel void eigenvalue_0_3(PLANE(0), PLANE(1), PLANE(2), OUTPUT)
{
    POSITION
    RESULT = eigenvalue_2x2(VALUE(0), VALUE(1), VALUE(2), 1.0f);
}

__kernel void eigenvalue_1_3(PLANE(0), PLANE(1), PLANE(2), OUTPUT)
{
    POSITION
    RESULT = eigenvalue_2x2(VALUE(0), VALUE(1), VALUE(2), -1.0f);
}

// One Jacobi rotation that zeroes `pq`; `pr` and `qr` are the other off-diagonal entries.
#define ROTATE(pp, qq, pq, pr, qr)                                                                 \
    {                                                                                              \
        const float theta = 0.5f * (qq - pp) / pq;                                                 \
        const float root = fabs(theta) + sqrt(fma(theta, theta, 1.0f));                            \
        const float t = pq == 0.0f ? 0.0f : (theta < 0.0f ? -1.0f : 1.0f) / root;                  \
        const float cosine = 1.0f / sqrt(fma(t, t, 1.0f)), sine = t * cosine;                      \
        const float old_pr = pr;                                                                   \
        pp = fma(-t, pq, pp);                                                                      \
        qq = fma(t, pq, qq);                                                                       \
        pq = 0.0f;                                                                                 \
        pr = fma(-sine, qr, cosine * old_pr);                                                      \
        qr = fma(cosine, qr, sine * old_pr);                                                       \
    }

// Eigenvalue number `which` of (a b c; b d e; c e f), largest first, by Jacobi's method: the closed form loses half of
// float32's digits where two eigenvalues are close. Convergence is quadratic: after five sweeps the rest is rounding.
// One float is returned because Intel's vectoriser (2026.2) miscompiles this function when it returns a float3.
inline float eigenvalue_3x3(const int which, float a, float b, float c, float d, float e, float f)
{
    for (int sweep = 0; sweep < 5; sweep++) {
        ROTATE(a, d, b, c, e)
        ROTATE(a, f, c, b, e)
        ROTATE(d, f, e, b, c)
    }
    return which == 0   ? fmax(a, fmax(d, f))
           : which == 1 ? fmax(fmin(a, d), fmin(fmax(a, d), f))
                        : fmin(a, fmin(d, f));
}

#define PLANES_6 PLANE(0), PLANE(1), PLANE(2), PLANE(3), PLANE(4), PLANE(5)
#define VALUES_6 VALUE(0), VALUE(1), VALUE(2), VALUE(3), VALUE(4), VALUE(5)

__kernel void eigenvalue_0_6(PLANES_6, OUTPUT)
{
    POSITION
    RESULT = eigenvalue_3x3(0, VALUES_6);
}

__kernel void eigenvalue_1_6(PLANES_6, OUTPUT)
{
    POSITION
    RESULT = eigenvalue_3x3(1, VALUES_6);
}

__kernel void eigenvalue_2_6(PLANES_6, OUTPUT)
{
    POSITION
    RESULT = eigenvalue_3x3(2, VALUES_6);
}
