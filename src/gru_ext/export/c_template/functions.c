/* SPDX-License-Identifier: MIT */
/* out (width) = W^T x, where x is (n) and W is (n, width). */
static void model_multiply(float *MODEL_RESTRICT out, const float *MODEL_RESTRICT x,
                           const model_matrix *W, size_t n, size_t width)
{
    size_t i, j;
    memset(out, 0, width * sizeof(float));
    for (j = 0; j < n; j++) {
        const model_weight *MODEL_RESTRICT row = W->rows + j * width;
        const float xj = x[j];
        for (i = 0; i < width; i++) out[i] += xj * (float)row[i];
    }
#if MODEL_INT8
    for (i = 0; i < width; i++) out[i] *= W->scales[i];
#endif
}

/* The weight in row j and column i of W. */
static float model_weight_at(const model_matrix *W, size_t width, size_t j, size_t i)
{
#if MODEL_INT8
    return (float)W->rows[j * width + i] * W->scales[i];
#else
    return W->rows[j * width + i];
#endif
}

/* input (MODEL_GATES) = W x of the first layer, where x is one-hot: a row of the table. */
static void model_embed(float *input, int symbol)
{
    size_t i;
    for (i = 0; i < MODEL_EMBEDDING_WIDTH; i++)
        input[i] = model_weight_at(&model_embedding, MODEL_EMBEDDING_WIDTH, (size_t)symbol, i);
#if MODEL_TIED
    for (i = 0; i < MODEL_HIDDEN; i++) /* the candidate has the weights of the output layer */
        input[MODEL_EMBEDDING_WIDTH + i] =
            model_weight_at(&model_output, MODEL_SYMBOLS, i, (size_t)symbol);
#endif
}

static float model_sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

/* h (MODEL_HIDDEN) after a step, where `input` is W x. */
static void model_cell(float *h, const float *input, const model_layer *layer)
{
    float a[2 * MODEL_HIDDEN], c[MODEL_HIDDEN], rh[MODEL_HIDDEN];
    const float *b = layer->bias;
    size_t i;
    model_multiply(a, h, layer->gates, MODEL_HIDDEN, 2 * MODEL_HIDDEN);
    for (i = 0; i < 2 * MODEL_HIDDEN; i++) a[i] = model_sigmoid(input[i] + a[i] + b[i]);
    for (i = 0; i < MODEL_HIDDEN; i++) rh[i] = a[MODEL_HIDDEN + i] * h[i];
    model_multiply(c, rh, layer->candidate, MODEL_HIDDEN, MODEL_HIDDEN);
    for (i = 0; i < MODEL_HIDDEN; i++) {
        const size_t k = 2 * MODEL_HIDDEN + i;
        h[i] = a[i] * h[i] + (1.0f - a[i]) * tanhf(input[k] + c[i] + b[k]);
    }
}

#if MODEL_SEPARATOR_LENGTH > 0
/* Note a symbol that is about to be read; whether it is the last one of a document separator. */
static int model_ends_separator(model_state *state, int symbol)
{
    int k;
    for (k = 1; k < MODEL_SEPARATOR_LENGTH; k++) state->recent[k - 1] = state->recent[k];
    state->recent[MODEL_SEPARATOR_LENGTH - 1] = symbol;
    for (k = 0; k < MODEL_SEPARATOR_LENGTH; k++)
        if (state->recent[k] != (int)model_separator[k]) return 0;
    return 1;
}
#endif

void model_reset(model_state *state)
{
    size_t i;
    for (i = 0; i < MODEL_STATE_SIZE; i++) state->h[i] = 0;
#if MODEL_SEPARATOR_LENGTH > 0
    for (i = 0; i < MODEL_SEPARATOR_LENGTH; i++) state->recent[i] = -1;
#endif
}

void model_step(model_state *state, int symbol)
{
    float input[MODEL_GATES], *h = state->h;
    size_t layer;
    if (symbol < 0 || symbol >= MODEL_SYMBOLS) return;
#if MODEL_SEPARATOR_LENGTH > 0
    if (model_ends_separator(state, symbol)) memset(state->h, 0, sizeof(state->h));
#endif
    model_embed(input, symbol);
    model_cell(h, input, &model_layers[0]);
    for (layer = 1; layer < MODEL_LAYERS; layer++, h += MODEL_HIDDEN) {
        model_multiply(input, h, model_layers[layer].input, MODEL_HIDDEN, MODEL_GATES);
        model_cell(h + MODEL_HIDDEN, input, &model_layers[layer]);
    }
}

void model_logits(const model_state *state, float *logits)
{
    const float *h = state->h + MODEL_STATE_SIZE - MODEL_HIDDEN;
    size_t i;
    model_multiply(logits, h, &model_output, MODEL_HIDDEN, MODEL_SYMBOLS);
    for (i = 0; i < MODEL_SYMBOLS; i++) logits[i] += model_output_bias[i];
}

int model_sample(const float *logits, double temperature, double uniform)
{
    double left = 0;
    int best = 0, i;
    for (i = 1; i < MODEL_SYMBOLS; i++)
        if (logits[i] > logits[best]) best = i;
    if (!(temperature > 0)) return best;
    for (i = 0; i < MODEL_SYMBOLS; i++)
        left += exp(((double)logits[i] - (double)logits[best]) / temperature);
    left *= uniform;
    for (i = 0; i < MODEL_SYMBOLS; i++) {
        left -= exp(((double)logits[i] - (double)logits[best]) / temperature);
        if (left < 0) return i;
    }
    return best; /* a random number next to 1, or logits that are not numbers */
}

double model_random(uint64_t *seed) /* splitmix64 (Steele, Lea and Flood, 2014) */
{
    uint64_t a = *seed += UINT64_C(0x9E3779B97F4A7C15);
    a = (a ^ (a >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    a = (a ^ (a >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (double)((a ^ (a >> 31)) >> 11) / 9007199254740992.0; /* 2^53 */
}

/* The code point, or byte, at the beginning of a text of one byte or more. */
static uint32_t model_decode(const unsigned char *text, size_t size, size_t *length)
{
    *length = 1;
#if !MODEL_BYTES
    if (text[0] >= 0x80) {
        /* the smallest code point of 2, 3 and 4 bytes: a longer form than needed is not UTF-8 */
        static const uint32_t least[] = {0x80, 0x800, 0x10000};
        const size_t more = text[0] < 0xE0 ? 1 : text[0] < 0xF0 ? 2 : 3;
        uint32_t point = text[0] & (0x3Fu >> more);
        size_t k;
        if (text[0] < 0xC2 || text[0] > 0xF4 || size <= more) return 0xFFFD;
        for (k = 1; k <= more; k++) {
            if ((text[k] & 0xC0) != 0x80) return 0xFFFD;
            point = point << 6 | (text[k] & 0x3Fu);
        }
        if (point < least[more - 1] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return 0xFFFD;
        *length = more + 1;
        return point;
    }
#else
    (void)size;
#endif
    return text[0];
}

int model_symbol_of(const char *text, size_t size, size_t *length)
{
    size_t low = 0, high = MODEL_SYMBOLS, bytes = 0;
    uint32_t point = 0;
    if (size > 0) point = model_decode((const unsigned char *)text, size, &bytes);
    if (length != NULL) *length = bytes;
    if (size == 0) return -1;
    while (low < high) { /* the first symbol, in their order, that is not below the code point */
        const size_t middle = (low + high) / 2;
        if (model_characters[model_in_order[middle]] < point)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < MODEL_SYMBOLS && model_characters[model_in_order[low]] == point)
        return (int)model_in_order[low];
    return MODEL_UNKNOWN;
}

size_t model_text_of(int symbol, char *text)
{
    unsigned char bytes[4] = {0, 0, 0, 0};
    size_t length = 1;
    uint32_t point;
    if (symbol < 0 || symbol >= MODEL_SYMBOLS) return 0;
    point = model_characters[symbol];
#if !MODEL_BYTES
    if (point >= 0xD800 && point < 0xE000) point = 0xFFFD; /* half of a pair is not in UTF-8 */
#endif
    bytes[0] = (unsigned char)point;
#if !MODEL_BYTES
    if (point >= 0x80) {
        size_t k;
        length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        for (k = length - 1; k > 0; k--, point >>= 6)
            bytes[k] = (unsigned char)(0x80 | (point & 0x3F));
        bytes[0] = (unsigned char)((0xF00u >> length) | point);
    }
#endif
    memcpy(text, bytes, length);
    return length;
}
