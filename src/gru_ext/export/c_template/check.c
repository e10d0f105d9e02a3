/* SPDX-License-Identifier: MIT */
/* Read symbols from the file of the first argument, in text, and write the logits after each of
 * them to the file of the second: floats, as they are in memory. */
#include <stdio.h>

int main(int count, char **arguments)
{
    static model_state state;
    static float logits[MODEL_SYMBOLS];
    FILE *in = count == 3 ? fopen(arguments[1], "r") : NULL;
    FILE *out = count == 3 ? fopen(arguments[2], "wb") : NULL;
    int symbol, failed = in == NULL || out == NULL;
    model_reset(&state);
    while (!failed && fscanf(in, "%d", &symbol) == 1) {
        model_step(&state, symbol);
        model_logits(&state, logits);
        failed = fwrite(logits, sizeof(logits), 1, out) != 1;
    }
    if (in != NULL) fclose(in);
    if (out != NULL && fclose(out) != 0) failed = 1;
    return failed;
}
