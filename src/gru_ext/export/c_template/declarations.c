/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The state of a reader. model_reset sets all of it. */
typedef struct {
    float h[MODEL_STATE_SIZE]; /* (MODEL_LAYERS, MODEL_HIDDEN): the hidden state of each layer */
#if MODEL_SEPARATOR_LENGTH > 0
    int recent[MODEL_SEPARATOR_LENGTH]; /* the last symbols that were read; -1 before the first */
#endif
} model_state;

/* Begin a text: the hidden state is zero. */
void model_reset(model_state *state);

/* Read a symbol. Where it is the last one of a document separator, the hidden state is set to zero
 * before. A number that is not a symbol, such as -1, is not read. */
void model_step(model_state *state, int symbol);

/* logits[MODEL_SYMBOLS]: what the next symbol will be. softmax(logits) are its probabilities. */
void model_logits(const model_state *state, float *logits);

/* Choose a symbol with the probabilities softmax(logits / temperature). `uniform` is a random
 * number from [0, 1). At temperature 0 the symbol of the largest logit is chosen. */
int model_sample(const float *logits, double temperature, double uniform);

/* The next random number from [0, 1) of a generator, whose state is *seed: any number at first. */
double model_random(uint64_t *seed);

/* The symbol of the first character of a text of `size` bytes; MODEL_UNKNOWN where it has none, and
 * -1 where the text is empty. *length, unless it is NULL, becomes the number of its bytes. In
 * UTF-8, a byte that is not part of a character is read as U+FFFD. */
int model_symbol_of(const char *text, size_t size, size_t *length);

/* Write the character of a symbol to text[4], without a 0 at its end; returns the number of bytes,
 * 0 where there is no such symbol. */
size_t model_text_of(int symbol, char *text);

#ifdef __cplusplus
}
#endif
