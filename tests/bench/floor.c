/*
 * floor.c: what a request costs at least: libfcgi, one prepared statement,
 * JSON by hand, and nothing else: no routes, no tokens, no checks. The bench
 * gives it the very statements of the server and compares.
 *
 *   floor SOCKET PROCESSES CONNECTION FOLDER
 *
 * FOLDER holds plans, NAME.plan; a request names one with "plan=NAME". A plan
 * is a list of statements, sent together: lines "S LENGTH", then the text of
 * the statement, then for each of its parameters "T LENGTH" and a text, "N"
 * (null), "U" (a fresh UUID) or "R LENGTH" and UUIDs without a gap (one of
 * them, another for each request). "C LENGTH" and a password, then "T LENGTH"
 * and a hash, is one check of a password.
 */
#include <crypt.h>
#include <dirent.h>
#include <fcgiapp.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLANS_MAX 32
#define STATEMENTS_MAX 8
#define PARAMETERS_MAX 64

struct parameter {
	char kind; /* 'T', 'N', 'U' or 'R' */
	char *text;
};

struct statement {
	char kind; /* 'S' or 'C' */
	char *text;
	char name[64];
	struct parameter parameters[PARAMETERS_MAX];
	int count;
};

struct plan {
	char name[64];
	struct statement statements[STATEMENTS_MAX];
	int count;
};

static struct plan plans[PLANS_MAX];
static int nplans;

/* A buffer that is kept from request to request. */
struct buffer {
	char *data;
	size_t length;
	size_t size;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "floor: %s: %s\n", what, why);
	exit(1);
}

static void
append(struct buffer *buffer, const char *data, size_t length)
{
	if (buffer->length + length > buffer->size) {
		buffer->size = 2 * (buffer->length + length);
		buffer->data = realloc(buffer->data, buffer->size);
		if (!buffer->data)
			die("memory", "none left");
	}
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
}

static void
append_text(struct buffer *buffer, const char *text)
{
	static const char digits[] = "0123456789abcdef";

	append(buffer, "\"", 1);
	for (const char *c = text; *c; c++) {
		unsigned char byte = (unsigned char)*c;
		size_t plain = strcspn(c, "\"\\\n\r\t\b\f\001");

		if (plain && byte >= 0x20) {
			append(buffer, c, plain);
			c += plain - 1;
		} else if (byte < 0x20) {
			char escape[6] = { '\\',
					   'u',
					   '0',
					   '0',
					   digits[byte >> 4],
					   digits[byte & 15] };
			append(buffer, escape, sizeof escape);
		} else {
			append(buffer, "\\", 1);
			append(buffer, c, 1);
		}
	}
	append(buffer, "\"", 1);
}

static char *
read_text(FILE *file, size_t length)
{
	char *text = calloc(length + 1, 1);

	if (!text || fread(text, 1, length, file) != length)
		die("plan", "cut short");
	return text;
}

static void
read_plan(const char *folder, const char *file_name)
{
	struct plan *plan = &plans[nplans++];
	struct statement *statement = NULL;
	char path[512], kind;
	size_t length;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, file_name);
	snprintf(plan->name, sizeof plan->name, "%.*s",
		 (int)strcspn(file_name, "."), file_name);
	file = fopen(path, "r");
	if (!file)
		die(path, "can't be opened");
	while (fscanf(file, " %c", &kind) == 1) {
		char *text = NULL;

		if (strchr("SCTR", kind)) {
			if (fscanf(file, "%zu", &length) != 1)
				die(path, "no length");
			fgetc(file);
			text = read_text(file, length);
		}
		if (strchr("SC", kind)) {
			statement = &plan->statements[plan->count];
			statement->kind = kind;
			statement->text = text;
			snprintf(statement->name, sizeof statement->name,
				 "s%d_%d", nplans, plan->count++);
			continue;
		}
		statement->parameters[statement->count++] =
			(struct parameter){ .kind = kind, .text = text };
	}
	fclose(file);
}

static void
read_plans(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	if (!directory)
		die(folder, "can't be opened");
	while ((entry = readdir(directory)))
		if (strstr(entry->d_name, ".plan") && nplans < PLANS_MAX)
			read_plan(folder, entry->d_name);
	closedir(directory);
}

static PGconn *
connect_and_prepare(const char *connection)
{
	PGconn *conn = PQconnectdb(connection);

	if (PQstatus(conn) != CONNECTION_OK)
		die("connection", PQerrorMessage(conn));
	for (int i = 0; i < nplans; i++) {
		for (int j = 0; j < plans[i].count; j++) {
			struct statement *one = &plans[i].statements[j];
			PGresult *result;

			if (one->kind != 'S')
				continue;
			result = PQprepare(conn, one->name, one->text, 0, NULL);
			if (PQresultStatus(result) != PGRES_COMMAND_OK)
				die(one->name, PQerrorMessage(conn));
			PQclear(result);
		}
	}
	return conn;
}

static void
fresh_uuid(char *text)
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		die("getrandom", "no bytes");
	bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", bytes[i]);
	}
}

/* One of those in a row. */
static const char *
some_uuid(const char *texts)
{
	static char chosen[37];
	size_t count = strlen(texts) / 36;

	memcpy(chosen, texts + 36 * ((size_t)rand() % count), 36);
	return chosen;
}

/* Values of the parameters; the same UUID for all of one request. */
static void
bind(const struct statement *statement, const char *uuid, const char **values)
{
	for (int i = 0; i < statement->count; i++) {
		const struct parameter *one = &statement->parameters[i];

		values[i] = one->kind == 'U'   ? uuid
			    : one->kind == 'R' ? some_uuid(one->text)
					       : one->text;
	}
}

static void
append_rows(struct buffer *body, const PGresult *rows)
{
	for (int row = 0; row < PQntuples(rows); row++) {
		append(body, row ? ",{" : "{", row ? 2 : 1);
		for (int column = 0; column < PQnfields(rows); column++) {
			if (column)
				append(body, ",", 1);
			append_text(body, PQfname(rows, column));
			append(body, ":", 1);
			if (PQgetisnull(rows, row, column))
				append(body, "null", 4);
			else
				append_text(body,
					    PQgetvalue(rows, row, column));
		}
		append(body, "}", 1);
	}
}

static void
check(PGconn *conn, const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
	    status != PGRES_PIPELINE_SYNC)
		die("statement", PQerrorMessage(conn));
}

static void
run_one(PGconn *conn, const struct statement *statement, const char *uuid,
	struct buffer *body)
{
	const char *values[PARAMETERS_MAX];
	PGresult *result;

	bind(statement, uuid, values);
	result = PQexecPrepared(conn, statement->name, statement->count, values,
				NULL, NULL, 0);
	check(conn, result);
	append_rows(body, result);
	PQclear(result);
}

/* Several statements go in one round trip. */
static void
run_many(PGconn *conn, const struct plan *plan, const char *uuid,
	 struct buffer *body)
{
	const char *values[PARAMETERS_MAX];
	PGresult *result;
	bool synced = false;

	PQenterPipelineMode(conn);
	for (int i = 0; i < plan->count; i++) {
		bind(&plan->statements[i], uuid, values);
		PQsendQueryPrepared(conn, plan->statements[i].name,
				    plan->statements[i].count, values, NULL,
				    NULL, 0);
	}
	PQpipelineSync(conn);
	while (!synced) {
		result = PQgetResult(conn);
		if (!result)
			continue;
		check(conn, result);
		synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		append_rows(body, result);
		PQclear(result);
	}
	PQexitPipelineMode(conn);
}

static void
check_password(const struct statement *statement, struct buffer *body)
{
	const char *hash = statement->parameters[0].text;
	struct crypt_data data;
	const char *made;

	memset(&data, 0, sizeof data);
	made = crypt_rn(statement->text, hash, &data, sizeof data);
	if (!made || strcmp(made, hash))
		die("password", "does not fit");
	append(body, "{}", 2);
}

static const struct plan *
find_plan(const char *uri)
{
	const char *name = uri ? strstr(uri, "plan=") : NULL;

	for (int i = 0; name && i < nplans; i++)
		if (!strcmp(plans[i].name, name + 5))
			return &plans[i];
	return NULL;
}

static void
answer(FCGX_Request *request, PGconn *conn, struct buffer *body)
{
	const struct plan *plan =
		find_plan(FCGX_GetParam("REQUEST_URI", request->envp));
	char input[4096], uuid[37];

	while (FCGX_GetStr(input, sizeof input, request->in) > 0)
		continue;
	body->length = 0;
	append(body, "{\"data\":[", 9);
	fresh_uuid(uuid);
	if (plan && plan->statements[0].kind == 'C')
		check_password(&plan->statements[0], body);
	else if (plan && plan->count == 1)
		run_one(conn, &plan->statements[0], uuid, body);
	else if (plan)
		run_many(conn, plan, uuid, body);
	append(body, "]}", 2);
	FCGX_FPrintF(request->out,
		     "Status: %d\r\nContent-Type: application/json\r\n"
		     "Content-Length: %lu\r\n\r\n",
		     plan ? 200 : 404, (unsigned long)body->length);
	FCGX_PutStr(body->data, (int)body->length, request->out);
}

static void
serve(int fd, const char *connection)
{
	PGconn *conn = connect_and_prepare(connection);
	struct buffer body = { 0 };
	FCGX_Request request;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand((unsigned)getpid());
	FCGX_InitRequest(&request, fd, 0);
	while (FCGX_Accept_r(&request) >= 0) {
		answer(&request, conn, &body);
		FCGX_Finish_r(&request);
	}
	exit(0);
}

int
main(int argc, char **argv)
{
	int fd;

	if (argc != 5)
		die("usage", "floor SOCKET PROCESSES CONNECTION FOLDER");
	read_plans(argv[4]);
	FCGX_Init();
	fd = FCGX_OpenSocket(argv[1], 4096);
	if (fd < 0)
		die(argv[1], "can't listen");
	chmod(argv[1], 0660);
	for (int i = 0; i < atoi(argv[2]); i++)
		if (!fork())
			serve(fd, argv[3]);
	while (wait(NULL) > 0)
		continue;
	return 0;
}
