/* SPDX-License-Identifier: MIT */
/* A barrier for a team of threads. It spins first and then yields, since the phases between
 * barriers take a microsecond to milliseconds. */
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

/* What members write is in cache lines of its own: a member that arrives does not take the line
 * from those who wait for the generation. */
#define GRU_TEAM_LINE (64 / sizeof(long))
typedef struct {
    long members, space0[GRU_TEAM_LINE];
    long arrived, space1[GRU_TEAM_LINE];
    long generation, space2[GRU_TEAM_LINE];
    long abandoned; /* set if a member failed: the others stop waiting */
    long yielded;   /* how many times a member gave up its processor to wait */
    long space3[GRU_TEAM_LINE];
} gru_team;

static inline void gru_team_begin(gru_team *team, long members)
{
    team->members = members;
    team->arrived = team->generation = team->abandoned = team->yielded = 0;
}

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
        if (spins < 4000) {
            GRU_PAUSE();
            continue;
        }
        if (spins == 4000) GRU_INCREMENT(&team->yielded);
        GRU_YIELD();
    }
    return 0;
}

#endif
