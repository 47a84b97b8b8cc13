// What kernels of filters share: positions beyond borders, vectors, and functions of the values that planes have at a
// pixel. The same text for all kernels, so that a value has the same bits wherever it is computed.

// Position that holds the value of position `p` of an image of `size` pixels along an axis.
// `boundary`: 0 repeats the last pixel (a a a | a b c), 1 reflects (c b a | a b c), 2 mirrors (d c b | a b c).
static inline int inside(int p, const int size, const int boundary)
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

#define VALUES_1(AT) a = AT(p0)
#define VALUES_2(AT) VALUES_1(AT), b = AT(p1)
#define VALUES_3(AT) VALUES_2(AT), c = AT(p2)
#define VALUES_6(AT) VALUES_3(AT), d = AT(p3), e = AT(p4), f = AT(p5)
#define AS_VECTOR(p) LOAD((p) + i)
#define AS_FLOAT(p) (p)[i]

#define FUNCTIONS(T, I)                                                                                                \
    /* sqrt(a a + b b + c c). The largest is brought, by a power of two, where squares neither overflow nor vanish. */ \
    static inline T __attribute__((overloadable)) magnitude(T a, T b, T c)                                             \
    {                                                                                                                  \
        const T largest = fmax(fabs(a), fmax(fabs(b), fabs(c)));                                                       \
        const T scale = select(select((T)(1.0f), (T)(0x1p80f), largest < 1e-15f), (T)(0x1p-80f), largest > 1e15f);     \
        a *= scale;                                                                                                    \
        b *= scale;                                                                                                    \
        c *= scale;                                                                                                    \
        const T back = select(select((T)(1.0f), (T)(0x1p-80f), largest < 1e-15f), (T)(0x1p80f), largest > 1e15f);      \
        return sqrt(fma(c, c, fma(b, b, a * a))) * back;                                                               \
    }                                                                                                                  \
    static inline T __attribute__((overloadable)) magnitude(T a, T b)                                                  \
    {                                                                                                                  \
        return magnitude(a, b, (T)(0.0f));                                                                             \
    }                                                                                                                  \
    /* Eigenvalue of (a b; b c): the mean plus (sign 1) or minus (sign -1) a root. */                                  \
    static inline T __attribute__((overloadable)) eigenvalue_2x2(const float sign, T a, T b, T c)                      \
    {                                                                                                                  \
        return 0.5f * (a + c) + sign * magnitude(0.5f * (a - c), b);                                                   \
    }                                                                                                                  \
    /* Eigenvalues of (a b c; b d e; c e f), largest first: trace and size are taken out; the one that lies apart is */ \
    /* root 2 cos(acos(r) / 3) of the characteristic polynomial, a polynomial of r on the side where it is smooth; */  \
    /* the others are those of a 2 x 2 matrix across its eigenvector. Nothing cancels where two are close. */          \
    static inline void __attribute__((overloadable)) eigenvalues_3x3(T a, T b, T c, T d, T e, T f, T *first, T *second, \
                                                                      T *third)                                        \
    {                                                                                                                  \
        const T entries = fmax(fmax(fabs(a), fabs(b)), fmax(fabs(c), fabs(d)));                                        \
        const T most = fmin(fmax(fmax(entries, (T)(0x1p-120f)), fmax(fabs(e), fabs(f))), (T)(0x1p126f));               \
        const T size = as_##T(as_##I(most) & 0x7f800000), shrink = as_##T(0x7f000000 - as_##I(size)); /* powers of 2 */ \
        a *= shrink;                                                                                                   \
        b *= shrink;                                                                                                   \
        c *= shrink;                                                                                                   \
        d *= shrink;                                                                                                   \
        e *= shrink;                                                                                                   \
        f *= shrink;                                                                                                   \
        const T mean = (a + d + f) * (1.0f / 3.0f);                                                                    \
        a -= mean;                                                                                                     \
        d -= mean;                                                                                                     \
        f -= mean;                                                                                                     \
        const T squares = fma(a, a, fma(d, d, f * f)) + 2.0f * fma(b, b, fma(c, c, e * e));                            \
        const T radius = sqrt(squares * (1.0f / 6.0f)), grow = 1.0f / fmax(radius, (T)(1e-18f));                       \
        a *= grow;                                                                                                     \
        b *= grow;                                                                                                     \
        c *= grow;                                                                                                     \
        d *= grow;                                                                                                     \
        e *= grow;                                                                                                     \
        f *= grow;                                                                                                     \
        const T det = 0.5f * fma(a, d * f - e * e, fma(c, b * e - c * d, -b * (b * f - c * e)));                       \
        const T sign = select((T)(1.0f), (T)(-1.0f), det < 0.0f), r = fmin(fabs(det), (T)(1.0f));                      \
        T cosine = fma(r, fma(r, (T)(0.00054260774f), (T)(-0.0029228304f)), (T)(0.007664302f));                        \
        cosine = fma(r, fma(r, fma(r, cosine, (T)(-0.014289564f)), (T)(0.024392383f)), (T)(-0.04807735f));             \
        cosine = fma(r, fma(r, cosine, (T)(0.16666505f)), (T)(0.8660254f));                                            \
        const T apart = 2.0f * sign * cosine, p = a - apart, q = d - apart, s = f - apart;                             \
        /* the eigenvector: the longest cross product of two rows */                                                   \
        T v0 = fma(b, e, -c * q), v1 = fma(c, b, -p * e), v2 = fma(p, q, -b * b);                                      \
        T length = fma(v0, v0, fma(v1, v1, v2 * v2));                                                                  \
        const T u0 = fma(b, s, -c * e), u1 = fma(c, c, -p * s), u2 = fma(p, e, -b * c);                                \
        const T u = fma(u0, u0, fma(u1, u1, u2 * u2));                                                                 \
        v0 = select(v0, u0, u > length);                                                                               \
        v1 = select(v1, u1, u > length);                                                                               \
        v2 = select(v2, u2, u > length);                                                                               \
        length = fmax(u, length);                                                                                      \
        const T w0 = fma(q, s, -e * e), w1 = fma(e, c, -b * s), w2 = fma(b, e, -q * c);                                \
        const T w = fma(w0, w0, fma(w1, w1, w2 * w2));                                                                 \
        v0 = select(v0, w0, w > length);                                                                               \
        v1 = select(v1, w1, w > length);                                                                               \
        v2 = select(v2, w2, w > length);                                                                               \
        length = fmax(w, length);                                                                                      \
        /* two vectors across it: x = (-v2 0 v0) or (0 v2 -v1), and their cross product y, as long as both together */ \
        const T x0 = select((T)(0.0f), -v2, fabs(v0) > fabs(v1)), x1 = select(v2, (T)(0.0f), fabs(v0) > fabs(v1));     \
        const T x2 = select(-v1, v0, fabs(v0) > fabs(v1)), norm = fma(x0, x0, fma(x1, x1, x2 * x2));                   \
        const T y0 = fma(v1, x2, -v2 * x1), y1 = fma(v2, x0, -v0 * x2), y2 = fma(v0, x1, -v1 * x0);                    \
        const T h0 = fma(a, x0, fma(b, x1, c * x2)), h1 = fma(b, x0, fma(d, x1, e * x2));                              \
        const T h2 = fma(c, x0, fma(e, x1, f * x2));                                                                   \
        const T g0 = fma(a, y0, fma(b, y1, c * y2)), g1 = fma(b, y0, fma(d, y1, e * y2));                              \
        const T g2 = fma(c, y0, fma(e, y1, f * y2));                                                                   \
        const T unit = 1.0f / (norm * length), xx = fma(x0, h0, fma(x1, h1, x2 * h2)) * (unit * length);               \
        const T xy = fma(y0, h0, fma(y1, h1, y2 * h2)) * unit, yy = fma(y0, g0, fma(y1, g1, y2 * g2)) * unit;          \
        const T middle = 0.5f * (xx + yy), half_gap = 0.5f * (xx - yy);                                                \
        const T root = sqrt(fma(half_gap, half_gap, xy * xy * length)), high = middle + root, low = middle - root;     \
        *first = fma(radius, select(high, apart, sign > 0.0f), mean) * size;                                           \
        *second = fma(radius, select(low, high, sign > 0.0f), mean) * size;                                            \
        *third = fma(radius, select(apart, low, sign > 0.0f), mean) * size;                                            \
    }                                                                                                                  \
    static inline T __attribute__((overloadable)) eigenvalue_3x3(const int which, T a, T b, T c, T d, T e, T f)        \
    {                                                                                                                  \
        T first, second, third;                                                                                        \
        eigenvalues_3x3(a, b, c, d, e, f, &first, &second, &third);                                                    \
        return which == 0 ? first : which == 1 ? second : third;                                                       \
    }

FUNCTIONS(float, int)
FUNCTIONS(float16, int16)

#define DETERMINANT_3X3 fma(a, d * f - e * e, fma(c, b * e - c * d, -b * (b * f - c * e)))
