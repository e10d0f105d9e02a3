/* SPDX-License-Identifier: MIT */
/* A program that samples, where no other is needed:
 *
 *     cc -O3 -march=native -std=c99 -DMODEL_MAIN model.c -lm -o model
 *     ./model "prompt" 500 0.8 1
 *
 * The arguments are the prompt, the number of characters, the temperature and the seed.
 *
 * From another file: compile both, cc -O3 -march=native main.c model.c -lm
 *
 *     #include <stdio.h>
 *     #define MODEL_DECLARATIONS
 *     #include "model.c"
 *
 *     int main(void)
 *     {
 *         model_state state;
 *         float logits[MODEL_SYMBOLS];
 *         uint64_t seed = 1;
 *         int i, symbol = MODEL_START;
 *         char text[4];
 *         model_reset(&state);
 *         for (i = 0; i < 500; i++) {
 *             model_step(&state, symbol);
 *             model_logits(&state, logits);
 *             symbol = model_sample(logits, 0.8, model_random(&seed));
 *             fwrite(text, 1, model_text_of(symbol, text), stdout);
 *         }
 *         return 0;
 *     }
 *
 * MODEL_DECLARATIONS leaves out everything but constants and prototypes. Nothing is allocated; the
 * state is the only memory from step to step, so that several states can be read at the same time.
 * The equations are those of docs/explanation/equations.md of gru_ext. */
