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
#include <time.h>
#endif

#ifdef GRU_GNU_C
#define GRU_LOAD(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define GRU_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define GRU_ADD(p, n) __atomic_add_fetch(p, n, __ATOMIC_ACQ_REL)
#else
#define GRU_LOAD(p) InterlockedCompareExchange(p, 0, 0)
#define GRU_STORE(p, v) InterlockedExchange(p, v)
#define GRU_ADD(p, n) (InterlockedExchangeAdd(p, n) + (n))
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

/* The time since some point in the past. */
static inline double gru_microseconds(void)
{
#ifdef _WIN32
    LARGE_INTEGER ticks, frequency;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&frequency);
    return 1e6 * (double)ticks.QuadPart / (double)frequency.QuadPart;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
#endif
}

/* What members write is in cache lines of its own: a member that arrives does not take the line
 * from those who wait for the generation. */
#define GRU_TEAM_LINE (64 / sizeof(long))
typedef struct {
    long members, space0[GRU_TEAM_LINE];
    long arrived, space1[GRU_TEAM_LINE];
    long generation, space2[GRU_TEAM_LINE];
    long abandoned; /* set if a member failed: the others stop waiting */
    long yielded;   /* microseconds in which members waited and let others have their processor */
    long space3[GRU_TEAM_LINE];
} gru_team;

static inline void gru_team_begin(gru_team *team, long members)
{
    team->members = members;
    team->arrived = team->generation = team->abandoned = team->yielded = 0;
}

static inline long gru_team_yielded(gru_team *team) { return GRU_LOAD(&team->yielded); }

static inline void gru_team_abandon(gru_team *team) { GRU_STORE(&team->abandoned, 1); }

/* Wait for all members. Returns 0, or -1 if the team was abandoned. */
static inline int gru_team_wait(gru_team *team)
{
    if (team->members == 1) return 0;
    long generation = GRU_LOAD(&team->generation);
    double start = -1;
    if (GRU_ADD(&team->arrived, 1) == team->members) {
        GRU_STORE(&team->arrived, 0);
        GRU_STORE(&team->generation, generation + 1);
        return GRU_LOAD(&team->abandoned) ? -1 : 0;
    }
    for (long spins = 0; GRU_LOAD(&team->generation) == generation; spins++) {
        if (GRU_LOAD(&team->abandoned)) return -1;
        if (spins < 4000) {
            GRU_PAUSE();
            continue;
        }
        if (spins == 4000) start = gru_microseconds();
        GRU_YIELD();
    }
    if (start >= 0) GRU_ADD(&team->yielded, (long)(gru_microseconds() - start));
    return 0;
}

#endif
