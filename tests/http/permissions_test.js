/*
 * permissions_test.js: who may see and do what after the lock-down: bits of
 * tables and rows, groups, and what a caller can't get by asking (C02, C03,
 * C07 to C10, C16, C17, C19).
 */
'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, fileOf, member, mine, refused, settle, signIn, worldRow } =
	require('./lib/client.js');

const PEEK = 1;
const READ = 2;
const CREATE = 4;
const UPDATE = 8;
const DELETE = 16;
const EXECUTE = 32;
const REFER = 64;
const owner = (bits) => bits << 7;
const group = (bits) => bits << 14;
const ALL = 127;

const SCHEMA = `
Tables:
  - TableName: note
    Permission: 2097151
    DefaultPermission: ${owner(ALL)}
    Columns: &text
      - ColumnName: text
        ColumnType: label
      - ColumnName: amount
        ColumnType: measurement
        DataType: int(11)
        DefaultValue: "0"
  - TableName: closed
    Columns: *text
  - TableName: dark
    Permission: ${owner(ALL) + group(ALL)}
    Columns: *text
  - TableName: letterbox
    Permission: ${2097057 + CREATE}
    Columns: *text
  - TableName: remark
    Permission: 2097151
    DefaultPermission: ${owner(ALL)}
    Columns: *text
Relations:
  - Subject: remark
    SubjectName: remarks
    Relation: has_one
    Object: note
    ObjectName: note_id
Actions:
  - Name: stamp
    Label: Stamp
    OnType: note
    InFields: []
    OutFields:
      - Type: note
        Method: UPDATE
        Attributes:
          reference_id: "$.reference_id"
          amount: 7
`;

const LINKS = 'note_note_id_has_usergroup_usergroup_id';
const MEMBERS = 'user_account_user_account_id_has_usergroup_usergroup_id';

let instance;
let guest;
let root;
let alice;
let bob;

before(async () => {
	instance = await startInstance();
	({ guest, root, alice, bob } = await settle(instance));
	await root.load('schema_permissions.yaml', SCHEMA);
});

after(() => instance?.stop());

/* A note of alice's with a permission of its own. */
async function noteWith(permission, attributes = { text: 'secret' }) {
	const { id } = await alice.made('note', attributes);
	expect(await root.update('note', id, { permission }), 200);
	return id;
}

const stored = (id, columns = '*', table = 'note') => instance.psql(
	`SELECT ${columns} FROM ${table} WHERE reference_id = '${id}'`);

/* Status, the headers that tell, and the body without the id asked for. */
function shape(answer, id) {
	const headers = {};
	for (const name of ['content-type', 'etag', 'allow', 'cache-control', 'location'])
		headers[name] = answer.headers.get(name);
	return { status: answer.status, headers, text: answer.text.replaceAll(id, 'ID') };
}

async function groupNamed(name, ...members) {
	const made = await root.made('usergroup', { name });
	for (const person of members)
		expect(await root.create(MEMBERS, {
			user_account_id: (await mine(person)).id, usergroup_id: made.id }), 201);
	return made.id;
}

/* Links a note to a group with `permission` on the link; the link's id. */
async function share(note, usergroup, permission, by = root) {
	const link = expect(await by.create(LINKS,
		{ note_id: note, usergroup_id: usergroup }), 201).json.data;
	expect(await by.update(LINKS, link.id, { permission }), 200);
	return link.id;
}

describe('rows of others', () => {
	test('C02: an invisible row is the same as none, by every method', async () => {
		const id = await noteWith(owner(ALL));
		for (const caller of [bob, guest]) {
			const ask = [
				(target) => caller.get(`/api/note/${target}`),
				(target) => caller.update('note', target, { text: 'mine' }),
				(target) => caller.delete(`/api/note/${target}`),
				(target) => caller.get(`/api/note/${target}/user_account_id`),
				(target) => caller.get(`/api/note/${target}/remarks`),
				(target) => caller.get(`/api/note/${target}/relationships/remarks`),
				(target) => caller.patch(`/api/note/${target}/relationships/remarks`,
					{ data: [] }),
				(target) => caller.request('HEAD', `/api/note/${target}`),
			];
			for (const one of ask) {
				const hidden = await one(id);
				const absent = await one(NOWHERE);
				assert.deepEqual(shape(hidden, id), shape(absent, NOWHERE),
					hidden.asked);
				expect(hidden, 404);
			}
		}
		assert.equal(stored(id, 'text'), 'secret');
	});

	test('C02, C11: an action on an invisible row is the same as none', async () => {
		const id = await noteWith(owner(ALL));
		const hidden = await bob.action('note', 'stamp', { note_id: id });
		const absent = await bob.action('note', 'stamp', { note_id: NOWHERE });
		assert.deepEqual(shape(hidden, id), shape(absent, NOWHERE));
		assert.ok([403, 404].includes(hidden.status), hidden.text);
		assert.equal(stored(id, 'amount'), '0');
	});

	test('a visible row without the right is 403', async () => {
		const id = await noteWith(owner(ALL) + PEEK + READ);
		expect(await bob.get(`/api/note/${id}`), 200);
		refused(await bob.update('note', id, { text: 'mine' }), 403);
		refused(await bob.delete(`/api/note/${id}`), 403);
		assert.equal(stored(id, 'text'), 'secret');
	});

	test('each right of the guest\'s bits holds for everybody, alone', async () => {
		const read = await noteWith(owner(ALL) + READ);
		for (const caller of [bob, guest])
			expect(await caller.get(`/api/note/${read}`), 200);
		const update = await noteWith(owner(ALL) + READ + UPDATE);
		expect(await bob.update('note', update, { text: 'new' }), 200);
		refused(await bob.delete(`/api/note/${update}`), 403);
		const remove = await noteWith(owner(ALL) + READ + DELETE);
		refused(await bob.update('note', remove, { text: 'new' }), 403);
		expect(await bob.delete(`/api/note/${remove}`), 200);
		const blind = await noteWith(owner(ALL) + UPDATE + DELETE);
		refused(await bob.update('note', blind, { text: 'new' }), 404);
		refused(await bob.delete(`/api/note/${blind}`), 404);
	});

	test('an owner has the owner\'s bits and no more', async () => {
		const readOnly = await noteWith(owner(PEEK + READ));
		expect(await alice.get(`/api/note/${readOnly}`), 200);
		refused(await alice.update('note', readOnly, { text: 'x' }), 403);
		refused(await alice.delete(`/api/note/${readOnly}`), 403);
		const nothing = await noteWith(0);
		refused(await alice.get(`/api/note/${nothing}`), 404);
		expect(await root.get(`/api/note/${nothing}`), 200);
	});

	test('a row without owner belongs to nobody', async () => {
		const id = await noteWith(owner(ALL));
		instance.psql('UPDATE note SET user_account_id = NULL ' +
			`WHERE reference_id = '${id}'`);
		for (const caller of [guest, alice, bob])
			refused(await caller.get(`/api/note/${id}`), 404);
		expect(await root.get(`/api/note/${id}`), 200);
	});

	test('C03: totals, pages and related lists count visible rows', async () => {
		for (let i = 0; i < 12; i++)
			await noteWith(owner(ALL) + (i % 3 === 0 ? READ : 0),
				{ text: `count ${i}` });
		const query = encodeURIComponent(JSON.stringify(
			[{ column: 'text', operator: 'begins with', value: 'count' }]));
		const list = async (caller, page) => expect(await caller.get(
			`/api/note?query=${query}&page[size]=3&page[number]=${page}&sort=text`),
		200).json;
		const first = await list(bob, 1);
		assert.equal(first.links.total, 4);
		assert.equal(first.links.last_page, 2);
		assert.equal(first.data.length, 3);
		assert.equal((await list(bob, 2)).data.length, 1);
		assert.equal((await list(alice, 1)).links.total, 12);
		const all = expect(await root.get('/api/note?page[size]=1'), 200).json;
		assert.equal(String(all.links.total), instance.psql('SELECT count(*) FROM note'));
	});

	test('C06: rows that may not be seen are no links and no includes', async () => {
		const hidden = await noteWith(owner(ALL));
		const remark = await alice.made('remark', { text: 'about', note_id: hidden });
		expect(await root.update('remark', remark.id,
			{ permission: owner(ALL) + READ }), 200);
		const target = `/api/remark/${remark.id}?included_relations=*`;
		const seen = expect(await bob.get(target), 200);
		assert.ok(!seen.text.includes(hidden), seen.text);
		assert.equal(seen.json.data.relationships.note_id.data, null);
		assert.equal(seen.json.data.attributes.note_id ?? null, null);
		assert.ok(expect(await alice.get(target), 200).text.includes(hidden));
		const related = await bob.get(`/api/remark/${remark.id}/note_id`);
		assert.ok(!related.text.includes('secret'), related.text);
		const sorted = await bob.get('/api/remark?query=' + encodeURIComponent(
			JSON.stringify([{ column: 'note_id.text', operator: 'is',
				value: 'secret' }])));
		assert.deepEqual(sorted.json?.data ?? [], []);
	});
});

describe('tables', () => {
	test('a table after lock-down is closed to plain users', async () => {
		const list = expect(await alice.get('/api/closed'), 200).json;
		assert.deepEqual(list.data, []);
		refused(await alice.create('closed', { text: 'x' }), 403);
		refused(await guest.create('closed', { text: 'x' }), 403);
		const made = await root.made('closed', { text: 'x' });
		refused(await alice.get(`/api/closed/${made.id}`), 404);
		assert.equal((await worldRow(root, 'closed')).attributes.permission, 2097057);
	});

	test('a table without Peek doesn\'t answer at all', async () => {
		for (const caller of [alice, guest]) {
			refused(await caller.get('/api/dark'), 403);
			refused(await caller.create('dark', { text: 'x' }), 403);
			refused(await caller.get(`/api/dark/${NOWHERE}`), 403, 404);
		}
		expect(await root.get('/api/dark'), 200);
	});

	test('a table with Create alone takes rows and shows none', async () => {
		expect(await alice.create('letterbox', { text: 'post' }), 201);
		assert.deepEqual(expect(await alice.get('/api/letterbox'), 200).json.data, []);
		assert.equal(instance.psql('SELECT count(*) FROM letterbox'), '1');
	});

	test('the administrator opens a table by PATCH, at once for every worker', async () => {
		const world = await worldRow(root, 'closed');
		expect(await root.update('world', world.id, { permission: 2097151 }), 200);
		const answers = await Promise.all(Array.from({ length: 16 },
			() => alice.create('closed', { text: 'open' })));
		for (const answer of answers)
			expect(answer, 201);
		expect(await root.update('world', world.id, { permission: 2097057 }), 200);
		const closed = await Promise.all(Array.from({ length: 16 },
			() => alice.create('closed', { text: 'shut' })));
		for (const answer of closed)
			refused(answer, 403);
	});

	test('a group linked to a table has its rights there', async () => {
		const staff = await groupNamed('staff', bob);
		const world = await worldRow(root, 'closed');
		expect(await root.create('world_world_id_has_usergroup_usergroup_id',
			{ world_id: world.id, usergroup_id: staff }), 201);
		expect(await bob.create('closed', { text: 'by staff' }), 201);
		refused(await alice.create('closed', { text: 'by alice' }), 403);
	});
});

describe('groups', () => {
	test('a row is shared by a link, as far as the link says', async () => {
		const team = await groupNamed('team', alice, bob);
		const id = await noteWith(owner(ALL) + group(ALL));
		refused(await bob.get(`/api/note/${id}`), 404);
		const link = await share(id, team, group(READ));
		expect(await bob.get(`/api/note/${id}`), 200);
		refused(await bob.update('note', id, { text: 'x' }), 403);
		refused(await bob.delete(`/api/note/${id}`), 403);
		assert.ok(expect(await bob.get('/api/note?page[size]=100'), 200).json.data
			.some((row) => row.id === id), 'it is in the list');
		expect(await root.update(LINKS, link,
			{ permission: group(READ + UPDATE) }), 200);
		expect(await bob.update('note', id, { text: 'shared' }), 200);
		refused(await guest.get(`/api/note/${id}`), 404);
		expect(await root.delete(`/api/${LINKS}/${link}`), 200);
		refused(await bob.get(`/api/note/${id}`), 404);
	});

	test('whoever leaves a group loses what it shared, at once', async () => {
		const club = await groupNamed('club', bob);
		const id = await noteWith(owner(ALL));
		await share(id, club, group(READ));
		expect(await bob.get(`/api/note/${id}`), 200);
		const membership = instance.psql('SELECT m.reference_id FROM ' +
			`${MEMBERS} m JOIN usergroup g ON g.id = m.usergroup_id ` +
			'JOIN user_account a ON a.id = m.user_account_id ' +
			'WHERE g.name = \'club\' AND a.email = \'bob@example.com\'');
		expect(await root.delete(`/api/${MEMBERS}/${membership}`), 200);
		const answers = await Promise.all(Array.from({ length: 16 },
			() => bob.get(`/api/note/${id}`)));
		for (const answer of answers)
			refused(answer, 404);
	});

	test('new rows are not shared with all users', async () => {
		const { id } = await alice.made('note', { text: 'private' });
		assert.equal(instance.psql(`SELECT count(*) FROM ${LINKS} l ` +
			`JOIN note n ON n.id = l.note_id WHERE n.reference_id = '${id}'`), '0');
		refused(await bob.get(`/api/note/${id}`), 404);
	});

	test('C10: nobody puts himself into a group', async () => {
		const self = await mine(bob);
		const groups = expect(
			await root.get('/api/usergroup?page[size]=100'), 200).json.data;
		const administrators = groups.find(
			(row) => row.attributes.name === 'administrators').id;
		const members = () => instance.psql(`SELECT count(*) FROM ${MEMBERS}`);
		const earlier = members();
		const reference = { type: 'usergroup', id: administrators };
		for (const answer of [
			await bob.create(MEMBERS, { user_account_id: self.id,
				usergroup_id: administrators }),
			await bob.create(MEMBERS, {}, {
				user_account_id: { data: { type: 'user_account', id: self.id } },
				usergroup_id: { data: reference } }),
			await bob.post(`/api/user_account/${self.id}/relationships/usergroup_id`,
				{ data: [reference] }),
			await bob.patch(`/api/user_account/${self.id}/relationships/usergroup_id`,
				{ data: [reference] }),
			await bob.update('user_account', self.id, {},
				{ usergroup_id: { data: [reference] } }),
		])
			refused(answer, 403, 404, 422);
		assert.equal(members(), earlier);
		assert.ok(!expect(await bob.get('/api/world?page[size]=500'), 200)
			.json.data.some((row) => row.attributes.table_name === 'dark'));
	});

	test('every member of administrators passes, the last can\'t go', async () => {
		await member(instance, 'carol', root);
		const groups = expect(
			await root.get('/api/usergroup?page[size]=100'), 200).json.data;
		const administrators = groups.find(
			(row) => row.attributes.name === 'administrators').id;
		const carol = await signIn(instance, 'carol');
		const id = await noteWith(0);
		refused(await carol.get(`/api/note/${id}`), 404);
		const membership = await root.made(MEMBERS, {
			user_account_id: (await mine(carol)).id,
			usergroup_id: administrators });
		expect(await carol.get(`/api/note/${id}`), 200);
		expect(await carol.action('note', 'stamp', { note_id: id }), 200);
		expect(await root.delete(`/api/${MEMBERS}/${membership.id}`), 200);
		refused(await carol.get(`/api/note/${id}`), 404);
		const last = instance.psql('SELECT m.reference_id FROM ' +
			`${MEMBERS} m JOIN usergroup g ON g.id = m.usergroup_id ` +
			'WHERE g.name = \'administrators\'');
		assert.equal(last.split('\n').length, 1);
		refused(await root.delete(`/api/${MEMBERS}/${last}`), 409);
	});
});

describe('what a caller may not say', () => {
	test('C07: a create has the creator as owner and the default bits', async () => {
		const self = (await mine(alice)).id;
		const other = (await mine(bob)).id;
		const forged = { permission: 2097151, user_account_id: other,
			reference_id: NOWHERE, id: 1, created_at: '1999-01-01T00:00:00Z',
			updated_at: '1999-01-01T00:00:00Z', version: 99 };
		const values = Object.entries(forged).flatMap(([name, value]) =>
			[{ [name]: value }, { [name]: null }]);
		for (const attributes of [forged, ...values]) {
			const answer = await alice.create('note', { text: 'c07', ...attributes });
			if (answer.status === 422)
				continue;
			const { data } = expect(answer, 201).json;
			const [permission, account, version, recent] = instance.psql(
				'SELECT n.permission, a.reference_id, n.version, ' +
				'n.created_at > now() - interval \'1 minute\' FROM note n ' +
				'LEFT JOIN user_account a ON a.id = n.user_account_id ' +
				`WHERE n.reference_id = '${data.id}'`).split('|');
			const why = JSON.stringify(attributes);
			assert.equal(permission, String(owner(ALL)), why);
			assert.equal(account, self, why);
			assert.equal(version, '1', why);
			assert.equal(recent, 't', why);
			assert.notEqual(data.id, NOWHERE, why);
		}
	});

	test('C07: an owner by relationship is ignored, too', async () => {
		const other = (await mine(bob)).id;
		const { id } = await alice.made('note', { text: 'c07' },
			{ user_account_id: { data: { type: 'user_account', id: other } } });
		assert.equal(stored(id, 'user_account_id'), instance.psql(
			'SELECT id FROM user_account WHERE email = \'alice@example.com\''));
	});

	test('C08: permission and owner need more than Update', async () => {
		const id = await noteWith(owner(ALL) + READ + UPDATE);
		const self = (await mine(bob)).id;
		expect(await bob.update('note', id, { text: 'by bob' }), 200);
		const earlier = stored(id, 'permission, user_account_id');
		for (const attributes of [{ permission: 2097151 }, { permission: null },
			{ user_account_id: self }, { user_account_id: null }])
			refused(await bob.update('note', id, attributes), 403);
		refused(await bob.update('note', id, {}, { user_account_id:
			{ data: { type: 'user_account', id: self } } }), 403);
		refused(await bob.patch(`/api/note/${id}/relationships/user_account_id`,
			{ data: { type: 'user_account', id: self } }), 403);
		assert.equal(stored(id, 'permission, user_account_id'), earlier);
	});

	test('an owner with Update changes his row\'s permission', async () => {
		const { id } = await alice.made('note', { text: 'mine' });
		expect(await alice.update('note', id,
			{ permission: owner(ALL) + READ }), 200);
		expect(await bob.get(`/api/note/${id}`), 200);
	});

	test('C09: a link needs Refer on its target', async () => {
		const hidden = await noteWith(owner(ALL));
		const visible = await noteWith(owner(ALL) + READ);
		const open = await noteWith(owner(ALL) + READ + REFER);
		const reference = (id) => ({ note_id: { data: { type: 'note', id } } });
		refused(await bob.create('remark', { text: 'x', note_id: visible }), 403);
		refused(await bob.create('remark', { text: 'x' }, reference(visible)), 403);
		const seen = await bob.create('remark', { text: 'x', note_id: hidden });
		const absent = await bob.create('remark', { text: 'x', note_id: NOWHERE });
		assert.deepEqual(shape(seen, hidden), shape(absent, NOWHERE));
		assert.ok(seen.status >= 400 && seen.status < 500, seen.text);
		const { id } = await bob.made('remark', { text: 'x', note_id: open });
		refused(await bob.update('remark', id, { note_id: visible }), 403);
		refused(await bob.patch(`/api/remark/${id}/relationships/note_id`,
			{ data: { type: 'note', id: visible } }), 403);
		assert.equal(instance.psql('SELECT count(*) FROM remark r JOIN note n ' +
			`ON n.id = r.note_id WHERE n.reference_id = '${visible}'`), '0');
	});

	test('C16: nobody becomes an administrator after the first', async () => {
		const catalogue = () => instance.psql(
			'SELECT md5(string_agg(t::text, \',\' ORDER BY id)) FROM world t');
		const earlier = catalogue();
		for (const caller of [guest, alice, bob, root])
			refused(await caller.action('world', 'become_an_administrator'), 403);
		assert.equal(catalogue(), earlier);
	});

	test('C17: what is the administrator\'s is refused to others', async () => {
		const schema = fileOf('schema_x.yaml', 'Tables: [{TableName: intruder, ' +
			'Columns: [{ColumnName: text, ColumnType: label}]}]');
		const world = await worldRow(root, 'note');
		for (const caller of [bob, guest]) {
			for (const answer of [
				await caller.action('world', 'upload_system_schema',
					{ schema_file: [schema] }),
				await caller.action('world', 'restart_daptin'),
				await caller.action('world', 'download_system_schema'),
				await caller.create('world', { table_name: 'intruder',
					world_schema_json: '{}' }),
				await caller.create('action', { action_name: 'intrude',
					label: 'x', action_schema: '{}', world_id: world.id }),
				await caller.update('world', world.id, { permission: 0 }),
			])
				refused(answer, 401, 403, 404);
		}
		assert.equal(instance.psql('SELECT count(*) FROM world ' +
			'WHERE table_name = \'intruder\''), '0');
		assert.equal((await worldRow(root, 'note')).attributes.permission, 2097151);
	});

	test('the groups that rights hang on keep their names', async () => {
		const { data } = expect(await root.get('/api/usergroup?page[size]=100'), 200).json;
		for (const name of ['administrators', 'users', 'guests']) {
			const group = data.find(({ attributes }) => attributes.name === name);
			refused(await root.update('usergroup', group.id, { name: 'renamed' }), 409);
			refused(await root.delete(`/api/usergroup/${group.id}`), 409);
			refused(await root.post('/api/operations', { 'atomic:operations': [
				{ op: 'remove', ref: { type: 'usergroup', id: group.id } }] }), 409);
		}
		const { id } = await root.made('usergroup', { name: 'passing' });
		expect(await root.update('usergroup', id, { name: 'passed' }), 200);
		expect(await root.delete(`/api/usergroup/${id}`), 200);
	});

	test('C17: the system\'s own tables take nothing from others', async () => {
		const tables = instance.psql('SELECT table_name FROM world WHERE ' +
			'world_schema_json::json->>\'IsSystem\' = \'true\' ORDER BY 1').split('\n');
		for (const table of ['world', 'action', 'job', 'cloud_store', 'credential', 'site',
			'certificate', 'task', 'json_schema', 'oauth_connect', 'user_account',
			'usergroup', MEMBERS])
			assert.ok(tables.includes(table), table);
		const sum = () => instance.psql(tables.map((table) =>
			`SELECT '${table}', count(*) FROM "${table.slice(0, 63)}"`)
			.join(' UNION ALL ').concat(' ORDER BY 1'));
		const earlier = sum();
		for (const table of tables)
			for (const caller of [bob, guest])
				refused(await caller.create(table, { name: 'x', hostname: 'x' }),
					401, 403);
		assert.equal(sum(), earlier);
	});

	test('C19: a method in a header or parameter is no way round', async () => {
		const id = await noteWith(owner(ALL) + READ);
		await bob.get(`/api/note/${id}?_method=DELETE`);
		await bob.get(`/api/note/${id}`, { headers: { 'x-http-method-override': 'DELETE' } });
		await bob.request('OPTIONS', `/api/note/${id}`,
			{ headers: { 'x-http-method-override': 'DELETE' } });
		assert.equal(stored(id, 'text'), 'secret');
		expect(await bob.request('HEAD', `/api/note/${id}`), 200);
		const hidden = await noteWith(owner(ALL));
		expect(await bob.request('HEAD', `/api/note/${hidden}`), 404);
	});
});

describe('actions', () => {
	test('an action that arrives after lock-down is the administrator\'s', async () => {
		const id = await noteWith(owner(ALL) + READ + EXECUTE);
		for (const caller of [alice, bob, guest])
			refused(await caller.action('note', 'stamp', { note_id: id }), 403);
		expect(await root.action('note', 'stamp', { note_id: id }), 200);
		assert.equal(stored(id, 'amount'), '7');
		assert.equal(instance.psql('SELECT permission FROM action ' +
			'WHERE action_name = \'stamp\''), '2085120');
	});

	test('Execute is needed on entity, action and subject', async () => {
		const action = instance.psql('SELECT reference_id FROM action ' +
			'WHERE action_name = \'stamp\'');
		expect(await root.update('action', action, { permission: 2085120 + 32 }), 200);
		const closed = await noteWith(owner(READ) + READ);
		refused(await alice.action('note', 'stamp', { note_id: closed }), 403);
		refused(await bob.action('note', 'stamp', { note_id: closed }), 403);
		const own = await noteWith(owner(READ + EXECUTE));
		expect(await alice.action('note', 'stamp', { note_id: own }), 200);
		assert.equal(stored(own, 'amount'), '7', 'outcomes run as the system');
		const open = await noteWith(owner(ALL) + READ + EXECUTE);
		expect(await bob.action('note', 'stamp', { note_id: open }), 200);
		expect(await root.action('note', 'stamp',
			{ note_id: await noteWith(owner(EXECUTE)) }), 200);
		expect(await root.update('action', action, { permission: 2085120 }), 200);
		refused(await alice.action('note', 'stamp', { note_id: own }), 403);
	});

	test('an unknown action or entity is 404', async () => {
		for (const caller of [root, bob, guest]) {
			refused(await caller.action('note', 'nothing'), 404);
			refused(await caller.action('nothing', 'stamp'), 404);
			refused(await caller.action('remark', 'stamp'), 404);
		}
	});

	test('attributes named as internal values are ignored', async () => {
		const id = await noteWith(owner(ALL) + READ + EXECUTE);
		const other = await noteWith(owner(ALL));
		refused(await bob.action('note', 'stamp', { note_id: id,
			user: { reference_id: (await mine(root)).id },
			subject: { reference_id: other } }), 403);
		expect(await root.action('note', 'stamp', { note_id: id,
			subject: { reference_id: other }, reference_id: other }), 200);
		assert.equal(stored(other, 'amount'), '0');
	});

	test('an id of another type is no subject', async () => {
		const remark = await alice.made('remark', { text: 'x' });
		refused(await root.action('note', 'stamp', { note_id: remark.id }), 404);
		refused(await root.action('note', 'stamp', { note_id: 12 }), 400, 404);
		refused(await root.action('note', 'stamp'), 400);
	});
});
