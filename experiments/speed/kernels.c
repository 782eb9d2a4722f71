/* The limit that bench.py measures symopt against: each cost and rule written by hand, once.
 *
 * A block holds LANES runs, one row of numbers for each coordinate of theta and of each state.
 * BEST says whether the smallest loss so far and its theta are kept; without it no loss is computed.
 */
#include <math.h>

#ifndef LANES
#define LANES 128
#endif
#ifndef BEST
#define BEST 0
#endif

#define PI 3.141592653589793
#define EPSILON 1e-8
#define ROWS(n)                                                                                                \
    double theta[n][LANES], m[n][LANES], v[n][LANES], best_theta[n][LANES], best_loss[LANES], loss[LANES]

struct plane { ROWS(2); };
struct ten { ROWS(10); };

/* The next power of beta, 0 where it would be denormal: on Intel each operation on a denormal takes 150 cycles. */
static inline double shrink(double power, double beta)
{
    return power < 1e-300 ? 0 : power * beta;
}

/* One run of Adam on Rosenbrock's function, all in registers; out (or NULL) takes loss and theta of every step. */
void rosenbrock_adam_run(double *theta, long steps, double eta, double beta1, double beta2, double *out)
{
    double x = theta[0], y = theta[1], m0 = 0, m1 = 0, v0 = 0, v1 = 0, power1 = 1, power2 = 1;
    for (long t = 1; t <= steps; t++) {
        power1 = shrink(power1, beta1);
        power2 = shrink(power2, beta2);
        double rate = eta / (1 - power1), scale = 1 / (1 - power2);
        double c = y - x * x, d = 1 - x;
        double g0 = -400 * c * x - 2 * d, g1 = 200 * c;
        if (out) {
            *out++ = x;
            *out++ = y;
            *out++ = 100 * c * c + d * d;
        }
        m0 = beta1 * m0 + (1 - beta1) * g0;
        m1 = beta1 * m1 + (1 - beta1) * g1;
        v0 = beta2 * v0 + (1 - beta2) * g0 * g0;
        v1 = beta2 * v1 + (1 - beta2) * g1 * g1;
        x -= rate * m0 / (sqrt(v0 * scale) + EPSILON);
        y -= rate * m1 / (sqrt(v1 * scale) + EPSILON);
    }
    theta[0] = x;
    theta[1] = y;
}

/* Keep the smallest loss of lane i and the theta it was seen at. */
#define KEEP_BEST(b, n, i, value)                                                                              \
    do {                                                                                                       \
        double seen = (value);                                                                                 \
        int better = seen < (b)->best_loss[i];                                                                 \
        (b)->best_loss[i] = better ? seen : (b)->best_loss[i];                                                 \
        for (int k = 0; k < (n); k++)                                                                          \
            (b)->best_theta[k][i] = better ? (b)->theta[k][i] : (b)->best_theta[k][i];                         \
    } while (0)

void rosenbrock_adam(struct plane *b, long steps, double eta, double beta1, double beta2)
{
    double power1 = 1, power2 = 1;
    for (long t = 1; t <= steps; t++) {
        power1 = shrink(power1, beta1);
        power2 = shrink(power2, beta2);
        double rate = eta / (1 - power1), scale = 1 / (1 - power2);
        for (int i = 0; i < LANES; i++) {
            double x = b->theta[0][i], y = b->theta[1][i];
            double c = y - x * x, d = 1 - x;
            double g0 = -400 * c * x - 2 * d, g1 = 200 * c;
            if (BEST)
                KEEP_BEST(b, 2, i, 100 * c * c + d * d);
            double m0 = b->m[0][i] = beta1 * b->m[0][i] + (1 - beta1) * g0;
            double m1 = b->m[1][i] = beta1 * b->m[1][i] + (1 - beta1) * g1;
            double v0 = b->v[0][i] = beta2 * b->v[0][i] + (1 - beta2) * g0 * g0;
            double v1 = b->v[1][i] = beta2 * b->v[1][i] + (1 - beta2) * g1 * g1;
            b->theta[0][i] = x - rate * m0 / (sqrt(v0 * scale) + EPSILON);
            b->theta[1][i] = y - rate * m1 / (sqrt(v1 * scale) + EPSILON);
        }
    }
}

/* The cosines have a loop of their own: gcc joins sin and cos of one argument to a call that is not in libmvec. */
void ackley_momentum(struct plane *b, long steps, double eta, double beta, double unused)
{
    for (long t = 1; t <= steps; t++) {
        for (int i = 0; i < LANES; i++)
            b->loss[i] = exp((cos(2 * PI * b->theta[0][i]) + cos(2 * PI * b->theta[1][i])) / 2);
        for (int i = 0; i < LANES; i++) {
            double x = b->theta[0][i], y = b->theta[1][i];
            double r = sqrt((x * x + y * y) / 2);
            double far = exp(-r / 5), near = b->loss[i];
            double g0 = 2 * far * x / r + PI * near * sin(2 * PI * x);
            double g1 = 2 * far * y / r + PI * near * sin(2 * PI * y);
            if (BEST)
                KEEP_BEST(b, 2, i, 20 + exp(1) - 20 * far - near);
            double m0 = b->m[0][i] = beta * b->m[0][i] - eta * g0;
            double m1 = b->m[1][i] = beta * b->m[1][i] - eta * g1;
            b->theta[0][i] = x + m0;
            b->theta[1][i] = y + m1;
        }
    }
}

/* One pass where only theta counts; with the best kept, one for the loss before it. */
void rastrigin_momentum(struct ten *b, long steps, double eta, double beta, double unused)
{
    for (long t = 1; t <= steps; t++) {
        if (BEST) {
            for (int i = 0; i < LANES; i++)
                b->loss[i] = 100;
            for (int k = 0; k < 10; k++)
                for (int i = 0; i < LANES; i++)
                    b->loss[i] += b->theta[k][i] * b->theta[k][i] - 10 * cos(2 * PI * b->theta[k][i]);
            for (int i = 0; i < LANES; i++)
                KEEP_BEST(b, 10, i, b->loss[i]);
        }
        for (int k = 0; k < 10; k++)
            for (int i = 0; i < LANES; i++) {
                double x = b->theta[k][i];
                double m = b->m[k][i] = beta * b->m[k][i] - eta * (2 * x + 20 * PI * sin(2 * PI * x));
                b->theta[k][i] = x + m;
            }
    }
}
