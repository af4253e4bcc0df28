/*
 * permission.h: who may do what. The one place that knows the bits
 * (wire/permissions.md section 1, rules of wire/decisions.md). Tables and
 * actions are decided in C from the model, rows by an SQL predicate that
 * every statement on users' rows carries.
 */
#ifndef ACTD_PERMISSION_H
#define ACTD_PERMISSION_H

#include "db/model.h"
#include "db/sql.h"

/* The operation's bit within a group of seven. */
enum verb {
	VERB_PEEK,
	VERB_READ,
	VERB_CREATE,
	VERB_UPDATE,
	VERB_DELETE,
	VERB_EXECUTE,
	VERB_REFER
};

#define PERMISSION_GUEST(verb) (INT64_C(1) << (verb))
#define PERMISSION_OWNER(verb) (INT64_C(1) << (7 + (verb)))
#define PERMISSION_GROUP(verb) (INT64_C(1) << (14 + (verb)))

#define PERMISSION_ALL INT64_C(2097151)	    /* while nobody administers */
#define PERMISSION_DEFAULT INT64_C(2097057) /* guest: Peek, Execute */
#define PERMISSION_SIGNIN INT64_C(561441)
#define PERMISSION_ACTION_LOCKED INT64_C(2085120)
#define PERMISSION_AUDIT_TABLE INT64_C(66052)
#define PERMISSION_AUDIT_ROW INT64_C(33026)

/* The caller of a request. A guest has id 0. */
struct actor {
	int64_t id;
	const char *reference_id; /* NULL for guests */
	const char *email;
	const char *name;
	bool is_administrator;
	const int64_t *groups;
	size_t ngroups;
	const char *groups_array; /* "{3,17}", a PostgreSQL array literal */
	int64_t home_group;	  /* 0: none */
};

/* A caller without a token. */
extern const struct actor actor_guest;

/*
 * The owner column of an entity's rows: user_account_id, also of memberships,
 * whose owner is the member. NULL where rows have no owner.
 */
const struct column *permission_owner_column(const struct model *model,
					     const struct entity *entity);

/* What lets a caller do something. */
enum permission_rule {
	RULE_NOTHING,
	RULE_ADMINISTRATOR,
	RULE_GUEST,	   /* the guest's bit, which is everybody's */
	RULE_OWNER,	   /* the owner's bit, for the owner */
	RULE_GROUP,	   /* the group's bit of a link to a group of his */
	RULE_OWN_ACCOUNT,  /* it is himself */
	RULE_TABLE_READER, /* a row of `world`: he may read that table */
	RULE_SOURCE	   /* history: he may read the row it is of */
};

/* What the rules look at: a row's permission, owner and group links. */
struct permission_facts {
	int64_t permission;
	int64_t owner_id; /* 0: none */
	const struct group_link *links;
	size_t nlinks;
};

/*
 * The first of the rules of wire/permissions.md section 3 that grants `verb`,
 * RULE_NOTHING if none does. `*link` is the link of RULE_GROUP; may be NULL.
 */
enum permission_rule permission_rule(const struct actor *actor,
				     const struct permission_facts *facts,
				     enum verb verb, size_t *link);

/* Whose rights count: of history, for reading, those of what it is about. */
const struct entity *permission_judged(const struct entity *entity,
				       enum verb verb);

/* Whether the table's own row grants `verb`. Administrators always. */
bool permission_table(const struct actor *actor, const struct entity *entity,
		      enum verb verb);

/* Whether the action may be executed: Execute on entity and action. */
bool permission_action(const struct actor *actor, const struct action *action);

/*
 * Adds a boolean SQL expression, in brackets: whether the row `alias` of
 * `entity` grants `verb` to the actor (row only; the table is the caller's
 * check). TRUE for administrators. The group test is a correlated EXISTS
 * (performance.md, "Permission in the statement").
 */
void permission_where(struct sql *sql, const struct actor *actor,
		      const struct model *model, const struct entity *entity,
		      const char *alias, enum verb verb);

/*
 * Table and row together: the predicate that every read (VERB_READ) and write
 * carries. FALSE where the table refuses; but a caller's own account stays
 * readable and changeable, rows of `world` stay readable where the caller may
 * read the table that they describe, and rows of history are readable where
 * the row that they are of is (wire/decisions.md).
 */
void permission_granted(struct sql *sql, const struct actor *actor,
			const struct model *model, const struct entity *entity,
			const char *alias, enum verb verb);

/* Visible = Read on the table and Read on the row. */
void permission_visible(struct sql *sql, const struct actor *actor,
			const struct model *model, const struct entity *entity,
			const char *alias);

/* Whether permission_granted() is TRUE for every row: the caller is an
 * administrator. Statements leave joins out then. */
bool permission_everything(const struct actor *actor);

/* 403 for a refused table or row; the detail names entity and verb. */
struct error *permission_refused(struct arena *arena,
				 const struct entity *entity, enum verb verb);

/* "read", "update" … */
const char *verb_name(enum verb verb);
/* False if there is no verb of that name. */
bool verb_named(const char *name, enum verb *verb);

#endif
