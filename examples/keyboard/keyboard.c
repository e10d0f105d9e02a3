/* SPDX-License-Identifier: MIT */
/* The next characters, as a keyboard shows them: reads what is typed from standard input, and after
 * each character answers a line with the most probable next ones and their probabilities. Backspace
 * takes back a character.
 *
 *     gru-ext export model.npz -o model.c
 *     cc -std=c99 -O3 keyboard.c model.c -lm -o keyboard
 *     printf 'the ca' | ./keyboard 3
 *
 * It is built with the C export and not with the C interface: a keyboard must start at once, and
 * needs no Python. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_DECLARATIONS
#include "model.c"

enum { KEPT = 64, MOST = 20 }; /* states that can be gone back to; characters of an answer */

static model_state states[KEPT]; /* that of the text with `typed` characters is at typed % KEPT */
static unsigned long typed, oldest;

static void print_symbol(int symbol)
{
    char text[4];
    size_t size = model_text_of(symbol, text);
    if (size == 1 && ((unsigned char)text[0] < 33 || (unsigned char)text[0] > 126))
        printf("\\x%02x", (unsigned int)(unsigned char)text[0]);
    else
        fwrite(text, 1, size, stdout);
}

/* A line with the n most probable next characters. */
static void answer(int n)
{
    float logits[MODEL_SYMBOLS], largest;
    double total = 0;
    int i, v, best = 0;
    model_logits(&states[typed % KEPT], logits);
    for (v = 1; v < MODEL_SYMBOLS; v++)
        if (logits[v] > logits[best]) best = v;
    largest = logits[best];
    for (v = 0; v < MODEL_SYMBOLS; v++) total += exp((double)(logits[v] - largest));
    for (i = 0; i < n && i < MODEL_SYMBOLS; i++) {
        for (best = 0, v = 1; v < MODEL_SYMBOLS; v++)
            if (logits[v] > logits[best]) best = v;
        if (i > 0) putchar(' ');
        print_symbol(best);
        printf(" %.3f", exp((double)(logits[best] - largest)) / total);
        logits[best] = -HUGE_VALF;
    }
    putchar('\n');
    fflush(stdout);
}

static void type(int symbol)
{
    const model_state *before = &states[typed % KEPT];
    model_state *after = &states[(typed + 1) % KEPT];
    *after = *before;
    model_step(after, symbol);
    typed++;
    if (typed - oldest >= KEPT) oldest = typed - KEPT + 1;
}

/* The bytes of the character that begins with this byte. */
static size_t size_of(unsigned char first)
{
    if (MODEL_BYTES || first < 0xc0) return 1;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

int main(int count, char **arguments)
{
    const int n = count > 1 ? atoi(arguments[1]) : 5;
    char text[4];
    size_t size = 0, length;
    int byte;
    if (count > 2 || n < 1 || n > MOST) {
        fprintf(stderr, "usage: %s [N], the number of characters to show, from 1 to %d\n",
                arguments[0], (int)MOST);
        return 2;
    }
    model_reset(&states[0]);
    model_step(&states[0], MODEL_START);
    answer(n);
    while ((byte = getchar()) != EOF) {
        if (byte == 8 || byte == 127) {
            size = 0;
            if (typed > oldest) typed--;
            answer(n);
            continue;
        }
        text[size++] = (char)byte;
        while (size > 0 && size >= size_of((unsigned char)text[0])) {
            type(model_symbol_of(text, size, &length));
            size -= length;
            memmove(text, text + length, size);
            answer(n);
        }
    }
    return ferror(stdin) || ferror(stdout) ? 1 : 0;
}
