/* The sending side of a dependable forwarder (dataplane/forwarder/local_messages.h): 4 servers, of which 1 is faulty.
 *
 * The correct servers present the numbers up to LAST in order, each at its own pace, from 1 on; with LATE_STARTS, from
 * the first number that each of them has not lost. The faulty one presents what it likes, and falls silent when it likes.
 * In every reachable state:
 *   - what leaves has the content of the correct servers, and leaves in the order of its numbers, each once
 *   - a number that all correct servers present is not given up
 *   - for one number at most f + 1 contents are held, and (f + 1) * WINDOW in all
 * and no run ends before the correct servers have presented everything and LAST has left: nobody is blocked.
 *
 * check.py runs it as it is, which must pass, and with each MUTATION, which must fail:
 *   1  LOCAL-THRESHOLD is f
 *   2  a server may present a number again
 *   3  there is no WINDOW
 *   4  a message leaves as soon as enough servers have presented it
 *   5  a number is given up once one server has passed it
 *   6  no number is ever given up (with LATE_STARTS)
 *   7  the servers share the room for contents
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef THRESHOLD
#if MUTATION == 1
#define THRESHOLD F
#else
#define THRESHOLD (F + 1)
#endif
#endif
#define N 4
#define F 1
#define WINDOW 2
#define LAST 4 /* the correct servers stop there */
#define TOP 6  /* the highest number that the faulty one tries */
#define SPARE (N - F - THRESHOLD)
#define FAULTY 3
#define CONTENTS 3 /* 0 is what the correct servers present */

/* The forwarder. */
byte copies[(TOP + 2) * CONTENTS]; /* of each number and content */
byte expected[N] = 1;              /* the lowest number that a server may present next */
byte last_sent;

/* What the checks go by. */
byte first[N]; /* the number that a correct server starts with */
byte last_left;
byte finished; /* correct servers */

#define COPIES(s, c) copies[(s) * CONTENTS + (c)]
#define HAS(s, c) (COPIES(s, c) > 0)
#define HELD(s) (HAS(s, 0) + HAS(s, 1) + HAS(s, 2))
#define ALL_HELD (HELD(1) + HELD(2) + HELD(3) + HELD(4) + HELD(5) + HELD(6))
#define BEST(s) (COPIES(s, 0) >= COPIES(s, 1) && COPIES(s, 0) >= COPIES(s, 2) -> COPIES(s, 0) : \
                 (COPIES(s, 1) >= COPIES(s, 2) -> COPIES(s, 1) : COPIES(s, 2)))
#define SILENT(s) ((expected[0] <= (s)) + (expected[1] <= (s)) + (expected[2] <= (s)) + (expected[3] <= (s)))
#define HOPED_FOR(s) (SILENT(s) > SPARE -> SILENT(s) - SPARE : 0)

#if MUTATION == 3
#define MAY_TAKE(s, c) true
#elif MUTATION == 7
#define MAY_TAKE(s, c) ((s) <= last_sent || ((s) <= last_sent + WINDOW && (ALL_HELD < WINDOW || HAS(s, c))))
#else
#define MAY_TAKE(s, c) ((s) <= last_sent + WINDOW)
#endif

#if MUTATION == 2
#define FRESH(i, s) true
#else
#define FRESH(i, s) ((s) >= expected[i])
#endif

#if MUTATION == 5
#define HOPELESS(s) (BEST(s) < THRESHOLD && SILENT(s) < N && HELD(s) == 0)
#elif MUTATION == 6
#define HOPELESS(s) false
#else
#define HOPELESS(s) (BEST(s) + HOPED_FOR(s) < THRESHOLD)
#endif

/* LocalMessages::offer() */
inline offer(i, s, c) {
  if
  :: !FRESH(i, s) -> skip
  :: FRESH(i, s) && !MAY_TAKE(s, c) -> expected[i] = s
  :: FRESH(i, s) && MAY_TAKE(s, c) ->
     expected[i] = s + 1;
     if
     :: s <= last_sent -> skip
     :: else ->
        COPIES(s, c)++;
        assert(HELD(s) <= F + 1);
        assert(ALL_HELD <= (F + 1) * WINDOW)
     fi
  fi
}

inline leave(s) {
  assert(COPIES(s, 0) >= THRESHOLD && COPIES(s, 0) > COPIES(s, 1) && COPIES(s, 0) > COPIES(s, 2));
  assert(s > last_left);
  last_left = s;
  forget(s)
}

inline forget(s) {
  COPIES(s, 0) = 0;
  COPIES(s, 1) = 0;
  COPIES(s, 2) = 0
}

/* LocalMessages::next(), until there is none. Where that jumps over numbers that nobody presents, this goes one by one. */
byte s_;
inline next() {
  do
  :: atomic {
       s_ = last_sent + 1;
#if MUTATION == 4
       if
       :: s_ < TOP && BEST(s_) < THRESHOLD && BEST(s_ + 1) >= THRESHOLD -> leave(s_ + 1)
       :: else -> skip
       fi;
#endif
       if
       :: s_ > TOP -> break
       :: s_ <= TOP && BEST(s_) >= THRESHOLD ->
          leave(s_);
          last_sent = s_
       :: s_ <= TOP && BEST(s_) < THRESHOLD && HOPELESS(s_) ->
          assert(s_ > LAST || s_ < first[0] || s_ < first[1] || s_ < first[2]);
          forget(s_);
          last_sent = s_
       :: s_ <= TOP && BEST(s_) < THRESHOLD && !HOPELESS(s_) -> break
       fi
     }
  od;
  s_ = 0
}

proctype Correct(byte me) {
  byte sequence = first[me];
  do
  :: atomic { sequence <= LAST && MAY_TAKE(sequence, 0) -> offer(me, sequence, 0); next(); sequence++ }
  :: atomic { sequence <= LAST && !MAY_TAKE(sequence, 0) && expected[me] < sequence -> offer(me, sequence, 0); next() }
  :: atomic { sequence > LAST -> break }
  od;
  atomic {
    finished++;
    if
    :: finished == N - F -> assert(last_left == LAST)
    :: else -> skip
    fi
  }
}

proctype Faulty() {
  byte sequence;
  byte content;
  do
  :: atomic {
       select(sequence : 1 .. TOP);
       select(content : 0 .. CONTENTS - 1);
       offer(FAULTY, sequence, content);
       next();
       sequence = 0;
       content = 0
     }
  :: break
  od
}

init {
  atomic {
    byte i;
    for (i : 0 .. N - F - 1) {
#ifdef LATE_STARTS
      select(s_ : 1 .. LATE_STARTS);
      first[i] = s_;
#else
      first[i] = 1;
#endif
      run Correct(i)
    }
    s_ = 0;
    run Faulty()
  }
}
