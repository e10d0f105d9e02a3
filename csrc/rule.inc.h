/* SPDX-License-Identifier: MIT */
/* The optimisers' updates of a vector of parameters (equations: gru_kernels.h). */

/* gru_update with the coefficients broadcast to vectors */
typedef struct {
    REAL *p, *m, *mean;
    gru_optimizer kind;
    VEC learning_rate, clip, eps, mean_gain, square_gain, root_scale, keep, scale;
} GRU(rule);

INLINE GRU(rule) GRU(broadcast_rule)(const gru_update *u)
{
    const GRU(rule) rule = {
        .p = u->p,
        .m = u->m,
        .mean = u->mean,
        .kind = u->kind,
        .learning_rate = SET1((REAL)u->learning_rate),
        .clip = SET1((REAL)u->clip),
        .eps = SET1((REAL)u->eps),
        .mean_gain = SET1((REAL)u->mean_gain),
        .square_gain = SET1((REAL)u->square_gain),
        .root_scale = SET1((REAL)u->root_scale),
        .keep = SET1((REAL)u->keep),
        .scale = SET1((REAL)u->scale),
    };
    return rule;
}

/* g clipped to [-limit, limit]; NaN stays NaN */
INLINE VEC GRU(clipped)(VEC g, VEC limit) { return GRU(min)(limit, GRU(max)(-limit, g)); }

/* Update the vector of parameters at `at`; kind is a compile-time constant. */
INLINE void GRU(update)(const gru_optimizer kind, const GRU(rule) * rule, ptrdiff_t at, VEC g)
{
    REAL *p = rule->p + at, *m = rule->m + at;
    g = GRU(clipped)(g, rule->clip);
    if (kind == GRU_ADAGRAD) {
        VEC sum = FMA(g, g, LOAD(m));
        STORE(m, sum);
        STORE(p, LOAD(p) - rule->learning_rate * g / GRU(sqrt)(sum + rule->eps));
        return;
    }
    VEC square = LOAD(m);
    square = FMA(rule->square_gain, FMA(g, g, -square), square);
    STORE(m, square);
    if (kind == GRU_RMSPROP) {
        STORE(p, LOAD(p) - rule->learning_rate * g / (GRU(sqrt)(square) + rule->eps));
        return;
    }
    REAL *mean = rule->mean + at;
    VEC average = LOAD(mean);
    average = FMA(rule->mean_gain, g - average, average);
    STORE(mean, average);
    VEC root = FMA(rule->root_scale, GRU(sqrt)(square), rule->eps);
    STORE(p, FMA(rule->keep, LOAD(p), -(rule->learning_rate * average / root)));
}

/* DO(kind) with kind as a compile-time constant */
#define FOR_KIND(kind, DO)                                                                         \
    if (kind == GRU_ADAGRAD) {                                                                     \
        DO(GRU_ADAGRAD)                                                                            \
    } else if (kind == GRU_RMSPROP) {                                                              \
        DO(GRU_RMSPROP)                                                                            \
    } else {                                                                                       \
        DO(GRU_ADAM)                                                                               \
    }
