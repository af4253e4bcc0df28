/*
 * change_password: the caller gives his password and a new one. All tokens
 * made before are revoked; the answer holds a fresh one, so that the caller
 * stays signed in where he is.
 */
#include "db/account.h"
#include "db/base/crypto.h"
#include "handlers/auth.h"
#include "handlers/engine.h"
#include "handlers/input.h"

/* Whoever holds a stolen token only can't take the account over with it. */
static struct error *
check_current(struct request *request, const char *password,
	      struct account **account)
{
	struct error *error = account_by_email(request->db, request->arena,
					       request->actor->email, account);
	unsigned cost = request->settings->values.hash_cost;
	bool mine;

	if (error)
		return error;
	mine = *account && (*account)->id == request->actor->id;
	if (!crypto_password_verify(
		    password, mine ? (*account)->password_hash : NULL, cost))
		return error_new(request->arena, 401, "wrong-credentials",
				 "The current password is wrong.");
	return NULL;
}

/* The account is read again: its auth_version is the new one. */
static struct error *
replace(struct request *request, const struct account *account,
	const char *password, const char **token)
{
	struct account *changed;
	struct error *error;
	char *hash;

	error = crypto_password_hash(request->arena, password,
				     request->settings->values.hash_cost,
				     &hash);
	if (error)
		return error;
	error = account_set_password(request->db, request->arena, account->id,
				     hash);
	if (error)
		return error;
	error = account_by_email(request->db, request->arena, account->email,
				 &changed);
	if (error)
		return error;
	if (!changed)
		return error_internal(request->arena, "account %lld is gone",
				      (long long)account->id);
	return token_issue(request->arena, request->settings, changed, token);
}

static struct error *
change_password(struct run *run, struct json_object *input, struct reply *reply)
{
	struct request *request = run->request;
	const char *current, *password, *token;
	struct account *account;
	struct error *error;

	if (!request->actor->id)
		return error_new(request->arena, 403, "sign-in-required",
				 "Sign in to change your password.");
	error = input_password(request->arena, input, "current_password",
			       &current);
	if (error)
		return error;
	error = input_password(request->arena, input, "password", &password);
	if (error)
		return error;
	error = check_current(request, current, &account);
	if (error)
		return error;
	error = replace(request, account, password, &token);
	if (error)
		return error;
	run->access_changed = true;
	reply_store(reply, "token", token);
	reply_cookie(reply, "token", token);
	reply_notify(reply, "success", "Success", "Password changed");
	return NULL;
}

const struct performer performer_change_password = {
	.name = "__change_password",
	.summary = "Change the caller's password and revoke his tokens",
	.pool = "hash",
	.perform = change_password,
	.is_writer = true,
};
