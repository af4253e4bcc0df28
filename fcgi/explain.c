/*
 * explain.c: turns the words of the command line into a question, on one
 * connection of its own.
 */
#include "fcgi/explain.h"

#include <string.h>

#include "db/access.h"
#include "db/account.h"
#include "db/base/crypto.h"
#include "db/migrate.h"

enum { WORD_USER, WORD_VERB, WORD_ENTITY, WORD_ID };

static struct error *
unknown(struct arena *arena, const char *kind, const char *name)
{
	return error_new(arena, 404, "not-found", "there is no %s %s", kind,
			 name);
}

static struct error *
find_actor(struct db *db, struct arena *arena, const struct model *model,
	   const char *name, const struct actor **actor)
{
	struct account *account;
	struct actor *found;
	struct error *error;

	*actor = &actor_guest;
	if (!strcmp(name, "guest"))
		return NULL;
	error = account_by_email(db, arena, name, &account);
	if (!error && !account)
		error = unknown(arena, "account", name);
	if (!error)
		error = account_actor_now(db, arena, model,
					  account->reference_id, &found);
	if (!error)
		*actor = found;
	return error;
}

/* "note", or "note:stamp" */
static struct error *
find_subject(struct arena *arena, const struct model *model, const char *name,
	     struct access_question *question)
{
	char *action = arena_strdup(arena, name);
	const char *entity = strsep(&action, ":");

	question->entity = model_entity(model, entity);
	if (!question->entity)
		return unknown(arena, "entity", entity);
	if (!action)
		return NULL;
	question->action = model_action(model, entity, action);
	if (!question->action || question->verb != VERB_EXECUTE)
		return unknown(arena, verb_name(question->verb), name);
	return NULL;
}

static struct error *
read_words(struct db *db, struct arena *arena, const struct model *model,
	   char *const words[4], struct access_question *question)
{
	struct error *error;

	if (!verb_named(words[WORD_VERB], &question->verb))
		return unknown(arena, "verb", words[WORD_VERB]);
	question->id = words[WORD_ID];
	if (question->id &&
	    (!crypto_is_uuid(question->id) || question->verb == VERB_CREATE))
		return unknown(arena, words[WORD_VERB], question->id);
	error = find_subject(arena, model, words[WORD_ENTITY], question);
	if (!error)
		error = find_actor(db, arena, model, words[WORD_USER],
				   &question->actor);
	return error;
}

static struct error *
explain(struct db *db, struct arena *arena, const struct model *model,
	char *const words[4], struct strbuf *text, bool *allowed)
{
	struct access_question question = { 0 };
	struct error *error = read_words(db, arena, model, words, &question);

	if (!error)
		error = access_explain(db, arena, model, &question, text,
				       allowed);
	if (!error)
		strbuf_puts(text, *allowed ? "allowed\n" : "refused\n");
	return error;
}

struct error *
explain_run(struct arena *arena, const struct config *config,
	    char *const words[4], struct strbuf *text, bool *allowed)
{
	const struct db_settings settings = {
		.conninfo = config->database,
		.application = "actd explain-access",
	};
	struct model *model = NULL;
	struct db *db = db_new(&settings);
	struct error *error = db_connect(db, arena);

	if (!error)
		error = model_load(db, arena, &model);
	if (!error)
		error = explain(db, arena, model, words, text, allowed);
	db_free(db);
	if (model)
		arena_free(model->arena);
	return error;
}
