/* SPDX-License-Identifier: MIT */
/* The output layer: softmax with cross-entropy, its gradient, and sampling. */

static void GRU(softmax_cross_entropy)(REAL *y, double *loss, const int32_t *targets,
                                       const REAL *by, REAL inverse_temperature, ptrdiff_t R,
                                       ptrdiff_t V, ptrdiff_t Vp)
{
    const VEC scale = SET1(inverse_temperature);
    for (ptrdiff_t row = 0; row < R; row++, y += Vp) {
        for (ptrdiff_t v = 0; v < Vp; v += VL) STORE(y + v, (LOAD(y + v) + LOAD(by + v)) * scale);
        /* the padding repeats the first logit, so that the maximum ignores it; zero after exp */
        for (ptrdiff_t v = V; v < Vp; v++) y[v] = y[0];
        VEC largest = LOAD(y);
        for (ptrdiff_t v = VL; v < Vp; v += VL) largest = GRU(max)(LOAD(y + v), largest);
        const REAL shift = GRU(horizontal_max)(largest);
        const REAL y_target = targets ? y[targets[row]] - shift : 0;
        for (ptrdiff_t v = 0; v < Vp; v += VL) STORE(y + v, GRU(exp)(LOAD(y + v) - SET1(shift)));
        for (ptrdiff_t v = V; v < Vp; v++) y[v] = 0;
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

static int32_t GRU(sample)(const REAL *p, double u, ptrdiff_t V)
{
    double total = 0, running = 0;
    for (ptrdiff_t v = 0; v < V; v++) total += (double)p[v];
    for (ptrdiff_t v = 0; v + 1 < V; v++) {
        running += (double)p[v];
        if (running > u * total) return (int32_t)v;
    }
    return (int32_t)(V - 1);
}
