/* SPDX-License-Identifier: MIT */
/* A barrier for the team of threads of one training run. It spins first and then yields, since the
 * phases between barriers take tens of microseconds to milliseconds. */
#ifndef GRU_TEAM_H
#define GRU_TEAM_H

#include "compiler.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <sched.h>
#endif

#ifdef GRU_GNU_C
#define GRU_LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define GRU_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define GRU_INCREMENT(p) __atomic_add_fetch(p, 1, __ATOMIC_ACQ_REL)
#else
#define GRU_LOAD(p) InterlockedCompareExchange(p, 0, 0)
#define GRU_STORE(p, v) InterlockedExchange(p, v)
#define GRU_INCREMENT(p) InterlockedIncrement(p)
#endif

#ifdef _WIN32
#define GRU_YIELD() SwitchToThread()
#else
#define GRU_YIELD() sched_yield()
#endif

#ifdef GRU_X86_64
#include <emmintrin.h>
#define GRU_PAUSE() _mm_pause()
#else
#define GRU_PAUSE() ((void)0)
#endif

typedef struct {
    long members;
    long arrived;
    long generation;
    long abandoned; /* set if a member failed: the others stop waiting */
} gru_team;

static inline void gru_team_abandon(gru_team *team) { GRU_STORE(&team->abandoned, 1); }

/* Wait for all members. Returns 0, or -1 if the team was abandoned. */
static inline int gru_team_wait(gru_team *team)
{
    if (team->members == 1) return 0;
    long generation = GRU_LOAD(&team->generation);
    if (GRU_INCREMENT(&team->arrived) == team->members) {
        GRU_STORE(&team->arrived, 0);
        GRU_STORE(&team->generation, generation + 1);
        return 0;
    }
    for (long spins = 0; GRU_LOAD(&team->generation) == generation; spins++) {
        if (GRU_LOAD(&team->abandoned)) return -1;
        if (spins < 4000)
            GRU_PAUSE();
        else
            GRU_YIELD();
    }
    return 0;
}

#endif
