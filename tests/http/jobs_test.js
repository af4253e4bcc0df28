/*
 * jobs_test.js: actions in the background: answered at once, done once, as
 * their caller, watched, cancelled, and not lost when processes die.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { after, before, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { Client, expect, item, refused, settle } = require('./lib/client.js');

const SCHEMA = `
Tables:
  - TableName: crate
    Permission: 2097151
    Columns:
      - {ColumnName: label, ColumnType: label}
      - {ColumnName: code, ColumnType: label, IsUnique: true, IsNullable: true}
Actions:
  - Name: pack
    OnType: crate
    InstanceOptional: true
    Permission: 2097151
    InFields:
      - {ColumnName: label, ColumnType: label}
      - {ColumnName: code, ColumnType: label}
      - {ColumnName: numbers, ColumnType: json}
    Validations:
      - {ColumnName: label, Tags: required}
    OutFields:
      - Type: crate
        Method: POST
        Reference: made
        Attributes: {label: "~label", code: "~code"}
      - Type: crate
        Method: POST
        Condition: "~numbers"
        ForEach: "~numbers"
        SkipInResponse: true
        Attributes: {label: "~label"}
      - Type: client.notify
        Method: ACTIONRESPONSE
        Attributes: {type: success, title: packed, message: "by $user.email"}
  - Name: close_up
    OnType: crate
    InstanceOptional: true
    OutFields:
      - Type: client.notify
        Method: ACTIONRESPONSE
        Attributes: {type: success, title: closed, message: x}
`;

const ASYNC = { prefer: 'respond-async' };

let instance;
let root;
let alice;
let bob;
let guest;

before(async () => {
	instance = await startInstance();
	({ root, alice, bob, guest } = await settle(instance));
	await root.load('schema_crate.yaml', SCHEMA);
});

after(() => instance?.stop());

const sleep = (milliseconds) =>
	new Promise((resolve) => setTimeout(resolve, milliseconds));

const numbers = (count) => Array.from({ length: count }, (_, i) => i);

function pack(client, attributes, headers = {}) {
	return client.request('POST', '/action/crate/pack', {
		body: { attributes },
		type: 'application/json',
		headers: { ...ASYNC, ...headers },
	});
}

/* Queues a run that must be accepted; the id of its job. */
async function queued(client, attributes, headers) {
	const answer = expect(await pack(client, attributes, headers), 202);
	assert.equal(answer.headers.get('preference-applied'), 'respond-async');
	assert.equal(item(answer, 'client.notify').type, 'success');
	const [, id] = /^\/api\/job\/([0-9a-f-]{36})$/
		.exec(answer.headers.get('location')) ?? [];
	assert.ok(id, `Location: ${answer.headers.get('location')}`);
	return id;
}

async function jobOf(client, id) {
	return expect(await client.get(`/api/job/${id}`), 200).json.data.attributes;
}

/* The job, once its state is one of those. */
async function reached(client, id, states, milliseconds = 15000) {
	const end = Date.now() + milliseconds;
	for (;;) {
		const job = await jobOf(client, id);
		if (states.includes(job.state))
			return job;
		assert.ok(Date.now() < end, `still ${JSON.stringify(job)}`);
		await sleep(30);
	}
}

const over = (client, id, milliseconds) =>
	reached(client, id, ['succeeded', 'failed', 'cancelled'], milliseconds);

function crates(label) {
	return Number(instance.psql(
		`SELECT count(*) FROM crate WHERE label = '${label}'`));
}

test('a run in the background is answered at once and done as its caller', async () => {
	const id = await queued(alice, { label: 'first' });
	const job = await over(alice, id);
	assert.equal(job.state, 'succeeded', job.error);
	assert.equal(job.action_name, 'pack');
	assert.equal(job.entity_name, 'crate');
	assert.equal(job.attempts, 1);
	const result = typeof job.result === 'string' ? JSON.parse(job.result)
		: job.result;
	assert.ok(result.some(({ Attributes }) =>
		Attributes.message === 'by alice@example.com'), JSON.stringify(result));
	assert.equal(crates('first'), 1);
	assert.equal(instance.psql(`SELECT u.email FROM crate c JOIN user_account u
		ON u.id = c.user_account_id WHERE label = 'first'`), 'alice@example.com');
	assert.equal(instance.psql('SELECT count(*) FROM actd_job_input'), '0');
});
