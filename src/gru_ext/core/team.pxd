# SPDX-License-Identifier: MIT
"""Teams of threads: their barrier, and what one member computes of the time steps of a layer.

The B streams are divided among groups of threads. The members of a group share the same streams and
divide the hidden units of each step: so several threads can work on one stream. No sum is divided,
so the results do not depend on the numbers of groups and members.
"""
from gru_ext.core.layout cimport FULL, INT8, Layout
from gru_ext.core.native cimport GRU_LINE_BYTES, GRU_PACK_STREAMS, gru_kernels, panel_of, real
from gru_ext.core.partition cimport part_begin

cdef extern from "team.h" nogil:
    ctypedef struct gru_team:
        long members
    void gru_team_begin(gru_team *team, long members) noexcept
    void gru_team_abandon(gru_team *team) noexcept
    long gru_team_yielded(gru_team *team) noexcept
    double gru_microseconds() noexcept
    int gru_team_wait(gru_team *team) noexcept


cdef enum:
    MOST_WAITING = 25      # percent of the time of all members: a team that waits longer is ended
    SHORT_WAITING = 5000   # microseconds of waiting, up to which it is not


cdef struct Share:
    # What one thread computes of the time steps of a layer.
    Py_ssize_t s0, s1     # the streams of its group
    Py_ssize_t u0, u1     # its units of these streams: whole panels
    Py_ssize_t member     # its number in the group, of `members`
    Py_ssize_t members
    gru_team *group       # the group's barrier; not used by a group of one member
    void *scratch         # memory for its products (products.pxd); NULL: they need none


cdef struct Grid:
    Py_ssize_t groups
    Py_ssize_t members    # of each group; threads past groups * members have no part


cdef inline int wait_for_group(const Share *share) noexcept nogil:
    # A barrier of the group. Non-zero if the team was abandoned.
    return 0 if share.members == 1 else gru_team_wait(share.group)


cdef inline bint waits_too_long(double yielded, double began, Py_ssize_t members,
                                double *waited) noexcept nogil:
    # Whether so many microseconds of waiting are too many since `began`; and the fraction of the
    # members' time that they are.
    waited[0] = yielded / ((gru_microseconds() - began) * members + 1)
    return yielded > SHORT_WAITING and 100 * waited[0] > MOST_WAITING


cdef inline bint gives_up(const Share *share, long yielded, double began) noexcept nogil:
    # Whether a member finds that its group waits too long since `began`, when its members had
    # waited for so many microseconds. The group is then abandoned.
    cdef double waited
    cdef long now
    if share.members == 1:
        return False
    now = gru_team_yielded(share.group) - yielded
    if now <= SHORT_WAITING or not waits_too_long(now, began, share.members, &waited):
        return False
    gru_team_abandon(share.group)
    return True


cdef inline Share whole_share(const Layout *p, Py_ssize_t B) noexcept nogil:
    # The share of a thread that works alone.
    return Share(0, B, 0, p.Hp, 0, 1, NULL, NULL)


cdef inline Py_ssize_t _doublings(Py_ssize_t n) noexcept nogil:
    # log2(n), rounded up
    cdef Py_ssize_t doublings = 0, threads = 1
    while threads < n:
        doublings, threads = doublings + 1, 2 * threads
    return doublings


cdef inline Py_ssize_t weight_bytes(const Layout *p, Py_ssize_t itemsize) noexcept nogil:
    # The bytes of a weight of a matrix product.
    if p.weights == FULL:
        return itemsize
    return 1 if p.weights == INT8 else 2


cdef inline Py_ssize_t _units_together(const gru_kernels *k, const Layout *p,
                                       real *unused) noexcept nogil:
    # Units are divided in multiples of these: a panel, or a line of narrow weights.
    return panel_of(k, unused) if p.weights == FULL else GRU_LINE_BYTES // sizeof(real)


cdef inline double _step_nanoseconds(const Layout *p, Py_ssize_t B, Py_ssize_t itemsize,
                                     Grid grid) noexcept nogil:
    # A model of the time of one step of one layer, on one thread of the grid: the slower of reading
    # the weights at 100 GB/s and of multiplying at 60 GFLOP/s (float32; twice that in bfloat16, and
    # four times in int8), and the barriers: two in a step for the members of a group, four in a
    # window of some 32 steps for all threads. Each takes 150 ns for two threads (measured: 60 to
    # 100 on two cores of one processor).
    cdef double weights = 3.0 * p.H * p.Hp / grid.members, streams
    itemsize = weight_bytes(p, itemsize)
    streams = (B + grid.groups - 1) // grid.groups
    return (max(weights * itemsize / 100, weights * streams * itemsize / 4 / 30)
            + 150 * (2 * _doublings(grid.members) + _doublings(grid.groups * grid.members) / 8.0))


cdef inline Grid grid_of(const gru_kernels *k, const Layout *p, Py_ssize_t B,
                         Py_ssize_t most_groups, Py_ssize_t threads, bint divisible,
                         double *nanoseconds, real *unused) noexcept nogil:
    # Groups and members for so many threads, and the time of a step. Units are divided in whole
    # panels of z and of r; if not `divisible`, not at all.
    cdef Py_ssize_t panel = _units_together(k, p, unused), members
    cdef Grid grid, best = Grid(min(most_groups, threads), 1)
    cdef double time
    nanoseconds[0] = _step_nanoseconds(p, B, sizeof(real), best)
    if not divisible or p.Hp % panel != 0:
        return best
    for members in range(2, min(threads, p.Hp // panel) + 1):
        grid = Grid(min(most_groups, threads // members), members)
        time = _step_nanoseconds(p, B, sizeof(real), grid)
        if time < nanoseconds[0]:
            best, nanoseconds[0] = grid, time
    return best


cdef inline Grid best_grid(const gru_kernels *k, const Layout *p, Py_ssize_t B, Py_ssize_t threads,
                           bint divisible, double *nanoseconds, real *unused) noexcept nogil:
    # The grid of a team that divides streams and units.
    return grid_of(k, p, B, B, threads, divisible, nanoseconds, unused)


cdef inline Share share_of(const gru_kernels *k, const Layout *p, Py_ssize_t B, Grid grid,
                           gru_team *groups, Py_ssize_t thread, real *unused) noexcept nogil:
    # The share of a thread. Threads that have no part get no streams.
    cdef Py_ssize_t panel = _units_together(k, p, unused), panels = p.Hp // panel
    cdef Py_ssize_t group = thread // grid.members, member = thread % grid.members
    cdef Share share = whole_share(p, B)
    if group >= grid.groups:
        share.s1 = 0
        return share
    share.s0 = part_begin(B, group, grid.groups)
    share.s1 = part_begin(B, group + 1, grid.groups)
    share.member, share.members, share.group = member, grid.members, groups + group
    if grid.members > 1:
        share.u0 = part_begin(panels, member, grid.members) * panel
        share.u1 = part_begin(panels, member + 1, grid.members) * panel
    return share


cdef inline bint outputs_together(const Share *share) noexcept nogil:
    # Whether the outputs of a window are one product, after its last time step: with few rows in a
    # step the output weights would be read too often, and one row cannot be divided.
    return share.members > 1 or share.s1 - share.s0 < GRU_PACK_STREAMS
