/*
 * signin: a mail address and a password become a token. A wrong password and
 * an unknown address have one answer, and take the same time.
 */
#include <string.h>

#include "db/account.h"
#include "db/base/crypto.h"
#include "handlers/auth.h"
#include "handlers/engine.h"
#include "handlers/input.h"

static void
add_items(struct reply *reply, const char *token)
{
	reply_store(reply, "token", token);
	reply_cookie(reply, "token", token);
	reply_notify(reply, "success", "Success", "Logged in");
	reply_redirect(reply, "/", 2000);
}

static struct error *
signin(struct run *run, struct json_object *input, struct reply *reply)
{
	struct request *request = run->request;
	unsigned cost = request->settings->values.hash_cost;
	const char *email, *password, *token;
	struct account *account;
	struct error *error;

	error = input_text(request->arena, input, "email", &email);
	if (error)
		return error;
	error = input_password(request->arena, input, "password", &password);
	if (error)
		return error;
	error = account_by_email(request->db, request->arena, email, &account);
	if (error)
		return error;
	if (!crypto_password_verify(
		    password, account ? account->password_hash : NULL, cost))
		return error_new(request->arena, 401, "wrong-credentials",
				 "Invalid username or password");
	error = token_issue(request->arena, request->settings, account, &token);
	if (error)
		return error;
	add_items(reply, token);
	return NULL;
}

const struct performer performer_signin = {
	.name = "jwt.token",
	.summary = "Sign in with a mail address and a password",
	.pool = "hash",
	.perform = signin,
};
