/*
 * become_admin: the first signed-in user claims a fresh installation. It
 * works once; every later call answers 403 already-claimed.
 */
#include "db/account.h"
#include "handlers/engine.h"

static struct error *
become_admin(struct run *run, struct json_object *input UNUSED,
	     struct reply *reply)
{
	struct request *request = run->request;
	struct error *error;
	bool claimed;

	if (!request->actor->id)
		return error_new(request->arena, 403, "sign-in-required",
				 "Sign in to become the administrator.");
	error = account_claim_installation(request->db, request->arena,
					   request->model, request->actor->id,
					   &claimed);
	if (error)
		return error;
	if (!claimed)
		return error_new(request->arena, 403, "already-claimed",
				 "This installation has an administrator.");
	run->model_changed = true;
	run->access_changed = true;
	reply_redirect(reply, "/", 0);
	return NULL;
}

const struct performer performer_become_admin = {
	.name = "__become_admin",
	.summary = "Claim a fresh installation",
	.perform = become_admin,
	.is_writer = true,
};
