/*
 * protocol.h: what a worker and its evaluator say to each other, over a pair
 * of stream sockets (a scope may be larger than a packet). A message is its
 * length, a uint32_t as the machine has it, and so many bytes of JSON. The
 * evaluator says "{}" when it has started; then each request has one answer.
 *
 *   request  {"fresh":true,"names":{"user":{…}},"gone":["item"],"script":"…"}
 *   answer   {"value":…,"worn":false}
 *            {"error":"thrown","detail":"TypeError: …","worn":false}
 *
 * `fresh` begins a run, with a context of its own; later requests of the run
 * carry the names that changed and those that are gone. `worn`: the run has
 * taken so much memory that the next one wants a new evaluator.
 *
 * The program is started as `evaluator MILLISECONDS`, the limit of a script.
 */
#ifndef ACTD_EVALUATOR_PROTOCOL_H
#define ACTD_EVALUATOR_PROTOCOL_H

/* The evaluator's end of the pair. */
#define EVALUATOR_FD 3

/* Bytes of a request, of a result, and of an answer around it. */
#define EVALUATOR_REQUEST_MAX (16U << 20)
#define EVALUATOR_RESULT_MAX (1U << 20)
#define EVALUATOR_ANSWER_MAX (EVALUATOR_RESULT_MAX + 4096)

/* What `error` says. */
#define EVALUATOR_THROWN "thrown"   /* by the script */
#define EVALUATOR_RESULT "result"   /* which can't be had as JSON */
#define EVALUATOR_TIMEOUT "timeout" /* the limit was reached */

#endif
