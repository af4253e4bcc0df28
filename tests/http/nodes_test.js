/*
 * nodes_test.js: two nodes over one PostgreSQL: what one does holds at the
 * other at once or within a second, and a change costs each node one loading
 * of the model.
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { startInstance, startNode } = require('./lib/instance.js');
const { Client, PASSWORD, expect, mine, refused, schemaFile, settle } =
	require('./lib/client.js');
const { metrics } = require('./lib/metrics.js');
const { sleep, until } = require('./lib/wait.js');

/* What must be known everywhere (security-cases: A09, A10, M03). */
const KNOWN_MS = 1000;
const MEMBERS = 'user_account_user_account_id_has_usergroup_usergroup_id';

let first;
let second;
let root;
let alice;
let bob;

before(async () => {
	first = await startInstance();
	({ root, alice, bob } = await settle(first));
	second = await startNode(first);
	await root.load('schema_shop.yaml', schemaFile('schema_shop.yaml'));
});

after(() => first?.stop());

/* The same caller, at another node. */
const at = (node, client) => new Client(node, client.token);

/* Asks until `is` of the answer; fails when it is not so in time. */
const soon = (ask, is) => until('the other node knows', async () => {
	const answer = await ask();
	return is(answer) && answer;
}, { limit: KNOWN_MS, every: 20 });

/* Every worker of the node knows: many answers in a row say so. */
async function always(ask, is) {
	for (const answer of await Promise.all(Array.from({ length: 40 }, ask)))
		assert.ok(is(answer), `${answer.asked} ${answer.status} ${answer.text}`);
}

const generation = async (node) => (await metrics(node)).actd_model_generation;

test('rows and tokens of one node are good at the other', async () => {
	const { id } = await alice.made('thing', { title: 'here' });
	const there = expect(await at(second, alice).get(`/api/thing/${id}`), 200);
	assert.equal(there.json.data.attributes.title, 'here');
	expect(await at(second, alice).update('thing', id, { title: 'there' }), 200);
	const here = expect(await alice.get(`/api/thing/${id}`), 200);
	assert.equal(here.json.data.attributes.title, 'there');
});

test('M03: a schema uploaded to one node is served by the other', async () => {
	await root.load('schema_far.yaml', `
Tables:
  - TableName: far
    Columns:
      - {ColumnName: title, ColumnType: label}
`);
	expect(await root.get('/api/far'), 200);
	const ask = () => at(second, root).get('/api/far');
	const served = ({ status }) => status === 200;
	await soon(ask, served);
	await sleep(KNOWN_MS);
	await always(ask, served);
});

test('a change of its own costs a node one loading of the model', async () => {
	await sleep(KNOWN_MS); /* for what was before */
	const earlier = [await generation(first), await generation(second)];
	await root.load('schema_once.yaml', `
Tables:
  - TableName: once
    Columns:
      - {ColumnName: title, ColumnType: label}
`);
	await sleep(KNOWN_MS);
	assert.equal(await generation(first), earlier[0] + 1);
	const risen = await generation(second) - earlier[1];
	assert.ok(risen >= 1 && risen <= 2, `the other node: ${risen}`);
});

test('a change that no process told its node of is heard all the same', async () => {
	const node = /event=started .*node=(\w+)/.exec(first.log())[1];
	const earlier = await generation(first);
	for (const name of [node, '', 'another']) {
		const before = await generation(first);
		first.psql(`SET actd.node = '${name}';` +
			'UPDATE world SET icon = icon || \'x\' WHERE table_name = \'far\'');
		await sleep(KNOWN_MS);
		assert.equal(await generation(first), before + 1, `of node ${name}`);
	}
	assert.equal(await generation(first), earlier + 3);
});

test('a membership given or taken at one node counts at the other', async () => {
	const group = expect(await root.get('/api/usergroup?query=' + encodeURIComponent(
		'[{"column":"name","operator":"is","value":"administrators"}]')), 200);
	const ask = () => at(second, bob).action('world', 'download_system_schema');
	expect(await ask(), 403);
	const { id } = await root.made(MEMBERS, { user_account_id: (await mine(bob)).id,
		usergroup_id: group.json.data[0].id });
	await soon(ask, ({ status }) => status === 200);
	expect(await root.delete(`/api/${MEMBERS}/${id}`), 200, 204);
	const refusedAgain = ({ status }) => status === 403;
	await soon(ask, refusedAgain);
	await sleep(KNOWN_MS);
	await always(ask, refusedAgain);
});

test('A10: a new password revokes tokens at the other node', async () => {
	const ask = () => at(second, bob).get('/api/user_account/mine');
	expect(await ask(), 200);
	const { id } = await mine(bob);
	expect(await bob.update('user_account', id,
		{ password: `${PASSWORD} again` }), 200);
	refused(await bob.get('/api/user_account/mine'), 401);
	const revoked = ({ status }) => status === 401;
	await soon(ask, revoked);
	await sleep(KNOWN_MS);
	await always(ask, revoked);
});

test('A09: the token of a deleted account is refused at the other node', async () => {
	const ask = () => at(second, alice).get('/api/user_account/mine');
	expect(await ask(), 200);
	const { id } = await mine(alice);
	expect(await root.delete(`/api/user_account/${id}`), 200, 204);
	await soon(ask, ({ status }) => status === 401);
	refused(await alice.get('/api/user_account/mine'), 401);
});

test('a node that ends takes no other with it', async () => {
	second.command('stop');
	expect(await root.get('/api/thing'), 200);
	assert.match(second.command('status', { mustSucceed: false }), /ready +no/);
	second.command('start');
	assert.match(second.command('status'), /PostgreSQL +is another's[^]*ready +yes/);
	expect(await at(second, root).get('/api/thing'), 200);
});
