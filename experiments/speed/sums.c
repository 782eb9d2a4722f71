/* Costs that are sums, written by hand, for sums.py: the chained Rosenbrock function and logistic regression. */
#include <math.h>
#include <string.h>

#ifndef LANES
#define LANES 64
#endif

#define EPSILON 1e-8
#define INLINE static inline __attribute__((always_inline))

/* Adam, and what it needs that depends on the step alone. */
struct adam { double beta1, beta2, power1, power2, rate, scale; };

INLINE struct adam adam(double beta1, double beta2) { return (struct adam){beta1, beta2, 1, 1, 0, 0}; }

/* The next step's powers, 0 where they would be denormal: on Intel each operation on one takes 150 cycles. */
INLINE void next(struct adam *a)
{
    a->power1 = a->power1 < 1e-300 ? 0 : a->power1 * a->beta1;
    a->power2 = a->power2 < 1e-300 ? 0 : a->power2 * a->beta2;
    a->rate = 1 / (1 - a->power1);
    a->scale = 1 / (1 - a->power2);
}

/* Where Adam moves x to, with gradient g. */
INLINE double moved(struct adam a, double eta, double x, double g, double *m, double *v)
{
    double m1 = *m = a.beta1 * *m + (1 - a.beta1) * g;
    double v1 = *v = a.beta2 * *v + (1 - a.beta2) * g * g;
    return x - eta * a.rate * m1 / (sqrt(v1 * a.scale) + EPSILON);
}

INLINE void update(struct adam a, double eta, double *restrict x, const double *restrict g, double *restrict m,
                   double *restrict v, long n)
{
    for (long i = 0; i < n; i++)
        x[i] = moved(a, eta, x[i], g[i], &m[i], &v[i]);
}

/* The chain: a term, and an element of the gradient as its two neighbours give it. */
INLINE double term(const double *x, long i)
{
    double c = x[i + 1] - x[i] * x[i], d = 1 - x[i];
    return 100 * c * c + d * d;
}

INLINE double left(const double *x, long i) { return -400 * x[i] * (x[i + 1] - x[i] * x[i]) - 2 * (1 - x[i]); }
INLINE double right(const double *x, long i) { return 200 * (x[i] - x[i - 1] * x[i - 1]); }

__attribute__((noipa)) double chain_gradient(const double *restrict x, double *restrict g, long n)
{
    double value = term(x, 0);
    g[0] = left(x, 0);
    for (long i = 1; i < n - 1; i++) {
        value += term(x, i);
        g[i] = left(x, i) + right(x, i);
    }
    g[n - 1] = right(x, n - 1);
    return value;
}

/* The same with PARTS sums at a time, which do not wait for each other. */
#define PARTS 32
__attribute__((noipa)) double chain_gradient_parts(const double *restrict x, double *restrict g, long n)
{
    double parts[PARTS] = {0}, value = term(x, 0);
    long i = 1;
    g[0] = left(x, 0);
    for (; i + PARTS <= n - 1; i += PARTS)
        for (int k = 0; k < PARTS; k++) {
            parts[k] += term(x, i + k);
            g[i + k] = left(x, i + k) + right(x, i + k);
        }
    for (; i < n - 1; i++) {
        value += term(x, i);
        g[i] = left(x, i) + right(x, i);
    }
    g[n - 1] = right(x, n - 1);
    for (int k = 0; k < PARTS; k++)
        value += parts[k];
    return value;
}

#define GRADIENTS(name)                                                                                        \
    void name##_times(const double *x, double *g, double *value, long n, long times)                           \
    {                                                                                                          \
        while (times--)                                                                                        \
            *value = name(x, g, n);                                                                            \
    }
GRADIENTS(chain_gradient)
GRADIENTS(chain_gradient_parts)

/* Adam on the chain: a loop for the gradient, then one for the update. */
void chain_adam(double *restrict x, double *restrict m, double *restrict v, double *restrict g, long n, long steps,
                double eta, double beta1, double beta2)
{
    struct adam a = adam(beta1, beta2);
    while (steps--) {
        next(&a);
        g[0] = left(x, 0);
        for (long i = 1; i < n - 1; i++)
            g[i] = left(x, i) + right(x, i);
        g[n - 1] = right(x, n - 1);
        update(a, eta, x, g, m, v, n);
    }
}

INLINE double fused_step(struct adam a, double eta, const double *restrict x, double *restrict y, double *restrict m,
                         double *restrict v, long n)
{
    double value = term(x, 0);
    y[0] = moved(a, eta, x[0], left(x, 0), &m[0], &v[0]);
    for (long i = 1; i < n - 1; i++) {
        value += term(x, i);
        y[i] = moved(a, eta, x[i], left(x, i) + right(x, i), &m[i], &v[i]);
    }
    y[n - 1] = moved(a, eta, x[n - 1], right(x, n - 1), &m[n - 1], &v[n - 1]);
    return value;
}

/* The same in one loop: it reads from one buffer and writes to another. With `losses`, those of all steps too. */
INLINE void fused(double *x, double *m, double *v, double *y, long n, long steps, double eta, double beta1,
                  double beta2, double *losses)
{
    struct adam a = adam(beta1, beta2);
    double *from = x, *to = y;
    while (steps--) {
        next(&a);
        double value = fused_step(a, eta, from, to, m, v, n), *other = from;
        if (losses)
            *losses++ = value;
        from = to;
        to = other;
    }
    if (from != x)
        memcpy(x, from, n * sizeof *x);
}

void chain_adam_fused(double *x, double *m, double *v, double *y, long n, long steps, double eta, double beta1,
                      double beta2)
{
    fused(x, m, v, y, n, steps, eta, beta1, beta2, 0);
}

void chain_adam_losses(double *x, double *m, double *v, double *y, long n, long steps, double eta, double beta1,
                       double beta2, double *losses)
{
    fused(x, m, v, y, n, steps, eta, beta1, beta2, losses);
}

/* Logistic regression with mini-batches: index has a row of `batch` samples for every step. */
/* s[r] = t * dot(X, theta) of `rows` samples, at most 8 and known to the compiler. */
INLINE void dots(int rows, const double *restrict X, const double *restrict t, const long *restrict index,
                 const double *restrict theta, double *restrict s, long d)
{
    double sum[8] = {0};
    for (long j = 0; j < d; j++)
        for (int r = 0; r < rows; r++)
            sum[r] += X[index[r] * d + j] * theta[j];
    for (int r = 0; r < rows; r++)
        s[r] = t[index[r]] * sum[r];
}

/* Add s[r] * X of as many samples to g. */
INLINE void add(int rows, const double *restrict X, const long *restrict index, double *restrict g,
                const double *restrict s, long d)
{
    for (long j = 0; j < d; j++) {
        double sum = g[j];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++)
            sum += s[r] * X[index[r] * d + j];
        g[j] = sum;
    }
}

#define LOGISTIC                                                                                               \
    double *restrict theta, double *restrict m, double *restrict v, double *restrict g, double *restrict s,    \
        const double *restrict X, const double *restrict t, const long *restrict index, long d, long batch,    \
        long stride, long steps, double eta, double beta1, double beta2

/* Row by row; `stride` is from one step's samples to the next's, 0 for the full batch. */
void logistic_adam(LOGISTIC)
{
    struct adam a = adam(beta1, beta2);
    for (; steps--; index += stride) {
        next(&a);
        memset(g, 0, d * sizeof *g);
        for (long k = 0; k < batch; k++) {
            double factor;
            dots(1, X, t, index + k, theta, &factor, d);
            factor = -t[index[k]] / (1 + exp(factor)) / batch;
            add(1, X, index + k, g, &factor, d);
        }
        update(a, eta, theta, g, m, v, d);
    }
}

/* All dot products first, so that exp is a vector's; `rows` samples at a time. With `losses`, the batches' too. */
INLINE void batched(LOGISTIC, int rows, double *losses)
{
    struct adam a = adam(beta1, beta2);
    for (; steps--; index += stride) {
        next(&a);
        for (long k = 0; k < batch; k += rows)
            dots(rows, X, t, index + k, theta, s + k, d);
        if (losses) {
            double loss = 0;
            for (long k = 0; k < batch; k++) {
                double e = exp(-s[k]);
                loss += log(1 + e);
                s[k] = -t[index[k]] * e / ((1 + e) * batch);
            }
            *losses++ = loss / batch;
        } else
            for (long k = 0; k < batch; k++)
                s[k] = -t[index[k]] / ((1 + exp(s[k])) * batch);
        memset(g, 0, d * sizeof *g);
        for (long k = 0; k < batch; k += rows)
            add(rows, X, index + k, g, s + k, d);
        update(a, eta, theta, g, m, v, d);
    }
}

#define ARGUMENTS theta, m, v, g, s, X, t, index, d, batch, stride, steps, eta, beta1, beta2
void logistic_adam_batched(LOGISTIC) { batched(ARGUMENTS, 1, 0); }
void logistic_adam_rows(LOGISTIC) { batched(ARGUMENTS, 8, 0); }
void logistic_adam_losses(LOGISTIC, double *losses) { batched(ARGUMENTS, 8, losses); }

/* Many of them at once, LANES runs to a block: theta, m, v and g are [d][LANES], s is [batch][LANES], X's batch is
 * gathered to `rows`. Both products are matrices': tiles of at most 8 rows and 16 lanes, summed in registers. */
typedef double vec __attribute__((vector_size(64)));
#define VECS (LANES / 8)

INLINE void tile(int rows, const double *a, long down, long along, const vec *b, vec *out, long depth)
{
    for (int l = 0; l < VECS; l += 2) {
        vec sum[8][2] = {0};
        for (long k = 0; k < depth; k++)
            for (int r = 0; r < rows; r++)
                for (int w = 0; w < 2; w++)
                    sum[r][w] += a[r * down + k * along] * b[k * VECS + l + w];
        for (int r = 0; r < rows; r++)
            for (int w = 0; w < 2; w++)
                out[r * VECS + l + w] = sum[r][w];
    }
}

/* out[r] = the sum over k of a[r * down + k * along] * b[k] */
static void multiply(const double *a, long down, long along, const vec *b, vec *out, long rows, long depth)
{
    for (; rows >= 8; rows -= 8, a += 8 * down, out += 8 * VECS)
        tile(8, a, down, along, b, out, depth);
    for (; rows >= 2; rows -= 2, a += 2 * down, out += 2 * VECS)
        tile(2, a, down, along, b, out, depth);
    if (rows)
        tile(1, a, down, along, b, out, depth);
}

void logistic_adam_lanes(double *restrict theta, double *restrict m, double *restrict v, double *restrict g,
                         double *restrict s, double *restrict rows, const double *restrict X, const double *restrict t,
                         const long *restrict index, long d, long batch, long stride, long steps,
                         const double *restrict eta, double beta1, double beta2)
{
    struct adam a = adam(beta1, beta2);
    for (; steps--; index += stride) {
        next(&a);
        for (long k = 0; k < batch; k++)
            memcpy(rows + k * d, X + index[k] * d, d * sizeof *rows);
        multiply(rows, d, 1, (vec *)theta, (vec *)s, batch, d);
        for (long k = 0; k < batch; k++) {
            double sign = t[index[k]], share = -sign / batch;
            for (int i = 0; i < LANES; i++)
                s[k * LANES + i] = share / (1 + exp(sign * s[k * LANES + i]));
        }
        multiply(rows, 1, d, (vec *)s, (vec *)g, d, batch);
        for (long i = 0; i < d * LANES; i += LANES)
            for (int l = 0; l < LANES; l++)
                theta[i + l] = moved(a, eta[l], theta[i + l], g[i + l], &m[i + l], &v[i + l]);
    }
}
