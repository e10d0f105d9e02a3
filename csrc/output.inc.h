/* SPDX-License-Identifier: MIT */
/* The output layer: softmax with cross-entropy, its gradient, and sampling. */

static void GRU(softmax_cross_entropy)(REAL *y, double *loss, const int32_t *targets,
                                       const REAL *by, REAL inverse_temperature, ptrdiff_t R,
                                       ptrdiff_t V, ptrdiff_t Vp)
{
    const VEC scale = SET1(inverse_temperature);
    for (ptrdiff_t row = 0; row < R; row++, y += Vp) {
        VEC largest = SET1(-GRU_INFINITY);
        for (ptrdiff_t v = 0; v < Vp; v += VL) {
            VEC logit = (LOAD(y + v) + LOAD(by + v)) * scale;
            STORE(y + v, logit);
            largest = GRU(max)(GRU(valid)(logit, largest, V - v), largest);
        }
        const REAL shift = GRU(horizontal_max)(largest);
        const REAL y_target = targets ? y[targets[row]] - shift : 0;
        for (ptrdiff_t v = 0; v < Vp; v += VL)
            STORE(y + v, GRU(valid)(GRU(exp)(LOAD(y + v) - SET1(shift)), SET1(0), V - v));
        const REAL total = GRU(sum)(y, Vp);
        if (loss) {
            REAL log_total;
            GRU(array_log)(&log_total, &total, 1);
            loss[row] = (double)log_total - (double)y_target;
        }
        const VEC total_inverse = SET1(1 / total);
        for (ptrdiff_t v = 0; v < Vp; v += VL) STORE(y + v, LOAD(y + v) * total_inverse);
    }
}

static void GRU(cross_entropy_backward)(REAL *p, const int32_t *targets, REAL scale, ptrdiff_t R,
                                        ptrdiff_t Vp)
{
    for (ptrdiff_t row = 0; row < R; row++, p += Vp) {
        p[targets[row]] -= 1;
        for (ptrdiff_t v = 0; v < Vp; v += VL) STORE(p + v, LOAD(p + v) * SET1(scale));
    }
}

/* p[0] + p[1] + ... (n) */
INLINE double GRU(sum_in_order)(const REAL *p, ptrdiff_t n)
{
    double total = 0;
    for (ptrdiff_t i = 0; i < n; i++) total += (double)p[i];
    return total;
}

/* The cumulative sum is taken in groups of 8, whose sums do not wait for each other. Where it never
 * exceeds the bound, as with NaN, the symbol is one of the last group. */
static int32_t GRU(sample)(const REAL *p, double u, ptrdiff_t V)
{
    const ptrdiff_t last = (V - 1) / 8 * 8;
    double total = 0, before = 0, within = 0;
    ptrdiff_t v;
    for (v = 0; v < last; v += 8) total += GRU(sum_in_order)(p + v, 8);
    total += GRU(sum_in_order)(p + last, V - last);
    const double bound = u * total;
    for (v = 0; v < last; v += 8) {
        double next = before + GRU(sum_in_order)(p + v, 8);
        if (next > bound) break;
        before = next;
    }
    ptrdiff_t symbol = v;
    for (ptrdiff_t i = v; i < v + 7 && i < V - 1; i++) {
        within += (double)p[i];
        symbol += before + within <= bound;
    }
    return (int32_t)symbol;
}
