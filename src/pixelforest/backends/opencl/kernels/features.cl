// Filters: one-dimensional convolutions and pointwise functions of planes.
//
// One work-item computes SPAN pixels of a row of the output window. Every value is one fixed expression of its absolute
// position, so tiles, remainders and borders cannot change a bit: vectors do per lane what the scalar code does.
// Offsets count floats from the start of a buffer to the first pixel of the output window (convolutions: with the
// coordinate along the filtered axis set to 0 of the image).

#define RESULT_AT(x) out[out_offset + ((ulong)z * get_global_size(1) + y) * width + (x)]

// Position that holds the value of position `p` of an image of `size` pixels along an axis.
// `boundary`: 0 repeats the last pixel (a a a | a b c), 1 reflects (c b a | a b c), 2 mirrors (d c b | a b c).
inline int inside(int p, const int size, const int boundary)
{
    if (boundary == 0)
        return clamp(p, 0, size - 1);
    const int once = boundary == 1;
    const int period = max(2 * size - 2 + 2 * once, 1);
    p %= period;
    p = p < 0 ? p + period : p;
    return min(p, period - once - p);
}

// vload16 is split into pieces by PoCL; a vector type that may lie anywhere is one instruction.
typedef float16 __attribute__((aligned(4))) Packed;
#define LOAD(p) (*(__global const Packed *)(p))
#define STORE(v, p) (*(__global Packed *)(p) = (v))

// For `count` pixels from `to` on: w[0] f(g) + sum_k w[k] (f(g + k) + parity f(g - k)), from the centre outwards.
// CENTRE, AFTER and BEFORE point to the values of the first pixel; they may depend on k.
#define CORRELATE(CENTRE, AFTER, BEFORE, to, count)                                                                    \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        for (; i + 64 <= (count); i += 64) {                                                                           \
            const float16 w0 = half_kernel[0];                                                                         \
            __global const float *c = CENTRE + i;                                                                      \
            float16 s0 = w0 * LOAD(c), s1 = w0 * LOAD(c + 16), s2 = w0 * LOAD(c + 32), s3 = w0 * LOAD(c + 48);         \
            for (int k = 1; k <= radius; k++) {                                                                        \
                const float16 w = half_kernel[k];                                                                      \
                __global const float *a = AFTER + i, *b = BEFORE + i;                                                  \
                s0 = fma(w, LOAD(a) + parity * LOAD(b), s0);                                                           \
                s1 = fma(w, LOAD(a + 16) + parity * LOAD(b + 16), s1);                                                 \
                s2 = fma(w, LOAD(a + 32) + parity * LOAD(b + 32), s2);                                                 \
                s3 = fma(w, LOAD(a + 48) + parity * LOAD(b + 48), s3);                                                 \
            }                                                                                                          \
            STORE(s0, (to) + i);                                                                                       \
            STORE(s1, (to) + i + 16);                                                                                  \
            STORE(s2, (to) + i + 32);                                                                                  \
            STORE(s3, (to) + i + 48);                                                                                  \
        }                                                                                                              \
        for (; i + 16 <= (count); i += 16) {                                                                           \
            float16 sum = half_kernel[0] * LOAD(CENTRE + i);                                                           \
            for (int k = 1; k <= radius; k++)                                                                          \
                sum = fma((float16)(half_kernel[k]), LOAD(AFTER + i) + parity * LOAD(BEFORE + i), sum);                \
            STORE(sum, (to) + i);                                                                                      \
        }                                                                                                              \
        for (; i < (count); i++) {                                                                                     \
            float sum = half_kernel[0] * CENTRE[i];                                                                    \
            for (int k = 1; k <= radius; k++)                                                                          \
                sum = fma(half_kernel[k], AFTER[i] + parity * BEFORE[i], sum);                                         \
            (to)[i] = sum;                                                                                             \
        }                                                                                                              \
    }

#define SPAN_OF_ROW                                                                                                    \
    const int x = get_global_id(0) * SPAN, y = get_global_id(1), z = get_global_id(2);                                 \
    const int count = min(SPAN, width - x);                                                                            \
    if (count <= 0)                                                                                                    \
        return;                                                                                                        \
    __global float *to = &RESULT_AT(x);

__kernel void convolve_along_x(__global const float *restrict in, const long in_offset, const int in_row,
                               const int in_slice, const int start, const int size, const int boundary,
                               __global const float *restrict half_kernel, const int radius, const float parity,
                               __global float *restrict out, const ulong out_offset, const int width)
{
    SPAN_OF_ROW
    __global const float *row = in + in_offset + (long)z * in_slice + (long)y * in_row;
    const int g = start + x;
    // pixels from `left` to `right` reach no border of the image
    const int left = clamp(radius - g, 0, count), right = clamp(size - radius - g, left, count);
    for (int j = 0; j < count - (right - left); j++) {
        const int i = j < left ? j : j + right - left;
        float sum = half_kernel[0] * row[g + i];
        for (int k = 1; k <= radius; k++)
            sum = fma(half_kernel[k],
                      row[inside(g + i + k, size, boundary)] + parity * row[inside(g + i - k, size, boundary)], sum);
        to[i] = sum;
    }
    __global const float *middle = row + g + left;
    CORRELATE(middle, (middle + k), (middle - k), to + left, right - left)
}

// `axis` is 1 for y and 2 for z; in_row or in_slice is 0 for the filtered axis, `stride` is its distance.
__kernel void convolve_across_rows(__global const float *restrict in, const long in_offset, const int in_row,
                                   const int in_slice, const int axis, const int stride, const int start,
                                   const int size, const int boundary, __global const float *restrict half_kernel,
                                   const int radius, const float parity, __global float *restrict out,
                                   const ulong out_offset, const int width)
{
    SPAN_OF_ROW
    __global const float *column = in + in_offset + (long)z * in_slice + (long)y * in_row + x;
    const int g = start + (axis == 1 ? y : z);
    __global const float *centre = column + (long)g * stride;
    if (g >= radius && g + radius < size)
        CORRELATE(centre, (centre + (long)k * stride), (centre - (long)k * stride), to, count)
    else
        CORRELATE(centre, (column + (long)inside(g + k, size, boundary) * stride),
                  (column + (long)inside(g - k, size, boundary) * stride), to, count)
}

#define PLANE(n) __global const float *in##n, const long offset##n, const int row##n, const int slice##n
#define OUTPUT __global float *out, const ulong out_offset, const int width
#define FROM(n) __global const float *p##n = in##n + offset##n + (long)z * slice##n + (long)y * row##n + x;

// A kernel for a function of planes: EXPRESSION names their values a, b, c, ... and serves vectors and single floats.
#define POINTWISE(PLANES, POINTERS, VECTORS, FLOATS, EXPRESSION)                                                       \
    (PLANES, OUTPUT)                                                                                                   \
    {                                                                                                                  \
        SPAN_OF_ROW                                                                                                    \
        POINTERS                                                                                                       \
        int i = 0;                                                                                                     \
        for (; i + 16 <= count; i += 16) {                                                                             \
            const float16 VECTORS;                                                                                     \
            STORE(EXPRESSION, to + i);                                                                                 \
        }                                                                                                              \
        for (; i < count; i++) {                                                                                       \
            const float FLOATS;                                                                                        \
            to[i] = EXPRESSION;                                                                                        \
        }                                                                                                              \
    }

#define PLANES_1 PLANE(0)
#define PLANES_2 PLANES_1, PLANE(1)
#define PLANES_3 PLANES_2, PLANE(2)
#define PLANES_6 PLANES_3, PLANE(3), PLANE(4), PLANE(5)
#define POINTERS_1 FROM(0)
#define POINTERS_2 POINTERS_1 FROM(1)
#define POINTERS_3 POINTERS_2 FROM(2)
#define POINTERS_6 POINTERS_3 FROM(3) FROM(4) FROM(5)
#define VALUES_1(AT) a = AT(p0)
#define VALUES_2(AT) VALUES_1(AT), b = AT(p1)
#define VALUES_3(AT) VALUES_2(AT), c = AT(p2)
#define VALUES_6(AT) VALUES_3(AT), d = AT(p3), e = AT(p4), f = AT(p5)
#define AS_VECTOR(p) LOAD((p) + i)
#define AS_FLOAT(p) (p)[i]
#define OF_PLANES(n, EXPRESSION)                                                                                       \
    POINTWISE(PLANES_##n, POINTERS_##n, VALUES_##n(AS_VECTOR), VALUES_##n(AS_FLOAT), EXPRESSION)

// One Jacobi rotation that zeroes `pq`; `pr` and `qr` are the other off-diagonal entries.
#define ROTATE(T, pp, qq, pq, pr, qr)                                                                                  \
    {                                                                                                                  \
        const T theta = 0.5f * (qq - pp) / pq;                                                                         \
        const T root = fabs(theta) + sqrt(fma(theta, theta, (T)(1.0f)));                                               \
        const T t = select(select((T)(1.0f), (T)(-1.0f), theta < 0.0f) / root, (T)(0.0f), pq == 0.0f);                 \
        const T cosine = 1.0f / sqrt(fma(t, t, (T)(1.0f))), sine = t * cosine;                                         \
        const T old_pr = pr;                                                                                           \
        pp = fma(-t, pq, pp);                                                                                          \
        qq = fma(t, pq, qq);                                                                                           \
        pq = 0.0f;                                                                                                     \
        pr = fma(-sine, qr, cosine * old_pr);                                                                          \
        qr = fma(cosine, qr, sine * old_pr);                                                                           \
    }

#define FUNCTIONS(T)                                                                                                   \
    /* sqrt(a a + b b + c c). The largest is brought, by a power of two, where squares neither overflow nor vanish. */ \
    inline T __attribute__((overloadable)) magnitude(T a, T b, T c)                                                    \
    {                                                                                                                  \
        const T largest = fmax(fabs(a), fmax(fabs(b), fabs(c)));                                                       \
        const T scale = select(select((T)(1.0f), (T)(0x1p80f), largest < 1e-15f), (T)(0x1p-80f), largest > 1e15f);     \
        a *= scale;                                                                                                    \
        b *= scale;                                                                                                    \
        c *= scale;                                                                                                    \
        return sqrt(fma(c, c, fma(b, b, a * a))) * (1.0f / scale);                                                     \
    }                                                                                                                  \
    inline T __attribute__((overloadable)) magnitude(T a, T b)                                                         \
    {                                                                                                                  \
        return magnitude(a, b, (T)(0.0f));                                                                             \
    }                                                                                                                  \
    /* Eigenvalue of (a b; b c): the mean plus (sign 1) or minus (sign -1) a root. */                                  \
    inline T __attribute__((overloadable)) eigenvalue_2x2(const float sign, T a, T b, T c)                             \
    {                                                                                                                  \
        return 0.5f * (a + c) + sign * magnitude(0.5f * (a - c), b);                                                  \
    }                                                                                                                  \
    /* Eigenvalue number `which` of (a b c; b d e; c e f), largest first, by Jacobi's method: the closed form loses */ \
    /* half of float32's digits where two eigenvalues are close. After five sweeps the rest is rounding. */            \
    /* It returns one of the three: Intel's vectoriser (2026.2) miscompiled it when it returned a float3. */           \
    inline T __attribute__((overloadable)) eigenvalue_3x3(const int which, T a, T b, T c, T d, T e, T f)               \
    {                                                                                                                  \
        for (int sweep = 0; sweep < 5; sweep++) {                                                                      \
            ROTATE(T, a, d, b, c, e)                                                                                   \
            ROTATE(T, a, f, c, b, e)                                                                                   \
            ROTATE(T, d, f, e, b, c)                                                                                   \
        }                                                                                                              \
        return which == 0   ? fmax(a, fmax(d, f))                                                                      \
               : which == 1 ? fmax(fmin(a, d), fmin(fmax(a, d), f))                                                    \
                            : fmin(a, fmin(d, f));                                                                     \
    }

FUNCTIONS(float)
FUNCTIONS(float16)

#define DETERMINANT_3X3 fma(a, d * f - e * e, fma(c, b * e - c * d, -b * (b * f - c * e)))

__kernel void copy_1 OF_PLANES(1, a)
__kernel void add_2 OF_PLANES(2, a + b)
__kernel void add_3 OF_PLANES(3, a + b + c)
__kernel void subtract_2 OF_PLANES(2, a - b)
__kernel void multiply_2 OF_PLANES(2, a * b)
__kernel void square_root_1 OF_PLANES(1, sqrt(a))
__kernel void determinant_3 OF_PLANES(3, a * c - b * b)
__kernel void determinant_6 OF_PLANES(6, DETERMINANT_3X3)
__kernel void magnitude_2 OF_PLANES(2, magnitude(a, b))
__kernel void magnitude_3 OF_PLANES(3, magnitude(a, b, c))
__kernel void eigenvalue_0_3 OF_PLANES(3, eigenvalue_2x2(1.0f, a, b, c))
__kernel void eigenvalue_1_3 OF_PLANES(3, eigenvalue_2x2(-1.0f, a, b, c))
__kernel void eigenvalue_0_6 OF_PLANES(6, eigenvalue_3x3(0, a, b, c, d, e, f))
__kernel void eigenvalue_1_6 OF_PLANES(6, eigenvalue_3x3(1, a, b, c, d, e, f))
__kernel void eigenvalue_2_6 OF_PLANES(6, eigenvalue_3x3(2, a, b, c, d, e, f))
