/* SPDX-License-Identifier: MIT */
#ifdef MODEL_MAIN
#include <stdio.h>
#include <stdlib.h>

/* Sample: model [PROMPT [LENGTH [TEMPERATURE [SEED]]]] */
int main(int count, char **arguments)
{
    static model_state state;
    static float logits[MODEL_SYMBOLS];
    const char *prompt = count > 1 ? arguments[1] : "";
    long length = count > 2 ? strtol(arguments[2], NULL, 10) : 500;
    const double temperature = count > 3 ? strtod(arguments[3], NULL) : 1;
    uint64_t seed = count > 4 ? strtoul(arguments[4], NULL, 10) : 1;
    size_t left = strlen(prompt), bytes;
    char text[4];
    model_reset(&state);
    if (left == 0) model_step(&state, MODEL_START);
    for (; left > 0; prompt += bytes, left -= bytes) {
        const int symbol = model_symbol_of(prompt, left, &bytes);
        if (symbol < 0) {
            fprintf(stderr, "the model does not know a character of the prompt\n");
            return 1;
        }
        model_step(&state, symbol);
        fwrite(prompt, 1, bytes, stdout);
    }
    for (; length > 0; length--) {
        int symbol;
        model_logits(&state, logits);
        symbol = model_sample(logits, temperature, model_random(&seed));
        model_step(&state, symbol);
        fwrite(text, 1, model_text_of(symbol, text), stdout);
    }
    return fflush(stdout) != 0;
}
#endif
