/*
 * leaks_test.js: what a caller could learn or change round about: figures,
 * orders, links, groups, history, bulk (C03, C05, C06, C09, C10, C15, C18,
 * C19). The rights themselves are permissions_test.js's and oracle_test.js's.
 */
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const { after, before, describe, test } = require('node:test');
const { ACTD, startInstance } = require('./lib/instance.js');
const { NOWHERE, expect, member, mine, refused, settle } = require('./lib/client.js');

const READ = 2;
const UPDATE = 8;
const REFER = 64;
const OPEN = 2097151;
const owner = (bits) => bits << 7;
const group = (bits) => bits << 14;
const ALL = 127;

const SCHEMA = `
Tables:
  - TableName: note
    Permission: ${OPEN}
    DefaultPermission: ${owner(ALL)}
    IsAuditEnabled: true
    Columns:
      - ColumnName: text
        ColumnType: label
      - ColumnName: amount
        ColumnType: measurement
        DataType: int(11)
        DefaultValue: "0"
      - ColumnName: code
        ColumnType: encrypted
        IsNullable: true
      - ColumnName: inner_text
        ColumnType: label
        IsNullable: true
        ExcludeFromApi: true
      - ColumnName: pin
        ColumnType: password
        IsNullable: true
  - TableName: remark
    Permission: ${OPEN}
    DefaultPermission: ${OPEN}
    Columns:
      - ColumnName: text
        ColumnType: label
  - TableName: shut
    Permission: ${1 + 16256 + 2080768}
    DefaultPermission: ${OPEN}
    Columns:
      - ColumnName: text
        ColumnType: label
  - TableName: label
    Permission: ${OPEN}
    DefaultPermission: ${OPEN}
    Columns:
      - ColumnName: text
        ColumnType: label
Relations:
  - {Subject: remark, SubjectName: remarks, Relation: has_one, Object: note, ObjectName: note_id}
  - {Subject: remark, SubjectName: shut_remarks, Relation: has_one, Object: shut, ObjectName: shut_id}
  - Subject: note
    SubjectName: notes
    Relation: has_many
    Object: label
    ObjectName: labels
    Columns:
      - ColumnName: weight
        ColumnType: measurement
        DataType: int(11)
        IsNullable: true
`;

const MEMBERS = 'user_account_user_account_id_has_usergroup_usergroup_id';
const SHARES = 'note_note_id_has_usergroup_usergroup_id';

let instance;
let guest;
let root;
let alice;
let bob;

before(async () => {
	instance = await startInstance();
	({ guest, root, alice, bob } = await settle(instance));
	await root.load('schema_leaks.yaml', SCHEMA);
});

after(() => instance?.stop());

/* A note of alice's with a permission of its own. */
async function noteWith(permission, attributes = { text: 'secret' }) {
	const { id } = await alice.made('note', attributes);
	expect(await root.update('note', id, { permission }), 200);
	return id;
}

const query = (...conditions) => `query=${encodeURIComponent(JSON.stringify(
	conditions.map(([column, operator, value]) => ({ column, operator, value }))))}`;

const list = async (client, target) => expect(await client.get(target), 200).json;

async function open(table, permission) {
	instance.psql(`UPDATE world SET permission = ${permission} ` +
		`WHERE table_name = '${table}'`);
	expect(await root.action('world', 'restart_daptin'), 200);
}

const operations = (client, all) =>
	client.post('/api/operations', { 'atomic:operations': all });

describe('figures and orders', () => {
	test('C03: every total is of visible rows', async () => {
		for (let i = 0; i < 9; i++) {
			const note_id = await noteWith(owner(ALL) + (i % 3 ? 0 : READ),
				{ text: `total ${i}`, amount: i });
			await alice.made('remark', { text: 'total', note_id });
		}
		const mask = query(['text', 'begins with', 'total']);
		for (const [client, wanted] of [[bob, 3], [guest, 3], [alice, 9], [root, 9]]) {
			for (const total of ['', '&page[total]=exact']) {
				const { data, links } = await list(client,
					`/api/note?${mask}&page[size]=2${total}`);
				assert.equal(data.length, 2);
				assert.equal(links.total, wanted);
				assert.equal(links.last_page, Math.ceil(wanted / 2));
				const end = await list(client,
					`/api/note?${mask}&page[size]=2&page[number]=99${total}`);
				assert.deepEqual([end.data.length, end.links.total], [0, wanted]);
			}
		}
		const { data } = await list(bob, '/aggregate/note?column=count,sum(amount) as s,' +
			'max(amount) as m&filter=gte(text,total)&filter=lt(text,totam)');
		assert.deepEqual([data[0].attributes.count, Number(data[0].attributes.s),
			Number(data[0].attributes.m)], [3, 9, 6]);
	});

	test('C05: a hidden row gives no filter, order or figure', async () => {
		const hidden = await noteWith(owner(ALL), { text: 'hush', amount: 41 });
		const seen = await noteWith(owner(ALL) + READ, { text: 'loud', amount: 7 });
		const first = await alice.made('remark', { text: 'c05', note_id: hidden });
		const second = await alice.made('remark', { text: 'c05', note_id: seen });
		const empty = await alice.made('remark', { text: 'c05' });
		const ids = async (more) => (await list(bob,
			`/api/remark?${query(['text', 'is', 'c05'], ...more)}`))
			.data.map((row) => row.id);
		for (const more of [[['note_id.text', 'is', 'hush']],
			[['note_id.text', 'like', 'hu%']], [['note_id.amount', 'gt', 40]],
			[['note_id', 'is', hidden]], [['note_id', 'in', [hidden]]]])
			assert.deepEqual(await ids(more), [], JSON.stringify(more));
		assert.deepEqual((await ids([['note_id', 'is empty', null]])).sort(),
			[first.id, empty.id].sort());
		assert.deepEqual(await ids([['note_id.amount', 'lt', 41]]), [second.id]);
		const sorted = async (sort) => (await list(bob, `/api/remark?${query(
			['text', 'is', 'c05'])}&sort=${sort}`)).data.map((row) => row.id);
		assert.deepEqual(await sorted('note_id.amount,-created_at'),
			[second.id, empty.id, first.id]);
		const { data } = await list(bob, '/aggregate/remark?group=note_id&' +
			'column=count,max(note_id.amount) as m&filter=eq(text,c05)&order=count');
		assert.deepEqual(data.map(({ attributes: a }) => [a.note_id, a.count,
			a.m === null ? null : Number(a.m)]), [[seen, 1, 7], [null, 2, null]]);
	});

	test('C05: a table that may not be read is no path at all', async () => {
		const target = await root.made('shut', { text: 'wall' });
		const remark = await root.made('remark', { text: 'c05 b', shut_id: target.id });
		for (const client of [alice, bob, guest]) {
			for (const more of [query(['shut_id.text', 'is', 'wall']),
				'sort=shut_id.text', 'sort=-shut_id.text'])
				refused(await client.get(`/api/remark?${more}`), 400);
			const { data, included } = await list(client,
				`/api/remark/${remark.id}?included_relations=shut_id`);
			assert.equal(included, undefined);
			assert.equal(data.attributes.shut_id, null);
			assert.equal(data.relationships.shut_id.data, null);
			assert.equal((await list(client,
				`/api/remark/${remark.id}/shut_id`)).data, null);
			assert.equal((await list(client,
				`/api/remark/${remark.id}/relationships/shut_id`)).data, null);
		}
		for (const more of ['column=max(shut_id.text)', 'column=count&' +
			'filter=eq(shut_id.text,wall)', 'column=count&join=shut@eq(text,wall)'])
			refused(await bob.get(`/aggregate/remark?${more}`), 400);
	});

	test('C15: free text finds readable plain columns only', async () => {
		const text = 'needle';
		const id = await noteWith(owner(ALL) + READ,
			{ text: 'hay', code: text, pin: 'needle needle' });
		instance.psql('UPDATE note SET inner_text = \'needle\' ' +
			`WHERE reference_id = '${id}'`);
		await noteWith(owner(ALL), { text });
		for (const client of [bob, guest]) {
			assert.deepEqual((await list(client, '/api/note?filter=needle')).data, []);
			assert.deepEqual((await list(client, `/api/note?${query(
				['text', 'fuzzy', 'needle'])}`)).data, []);
			for (const column of ['code', 'pin', 'inner_text', 'text,code'])
				refused(await client.get(`/api/note?${query(
					[column, 'fuzzy', 'needle'])}`), 400);
		}
	});
});

describe('links', () => {
	test('C06: hidden rows are absent from linkage of every kind', async () => {
		const hidden = await noteWith(owner(ALL));
		const seen = await noteWith(owner(ALL) + READ);
		const label = await root.made('label', { text: 'c06' });
		const reference = [hidden, seen].map((id) => ({ type: 'note', id }));
		expect(await root.post(`/api/label/${label.id}/relationships/notes`,
			{ data: reference }), 204);
		const all = [
			await bob.get(`/api/label/${label.id}/notes`),
			await bob.get(`/api/label/${label.id}/relationships/notes`),
			await bob.get(`/api/label/${label.id}?included_relations=notes`),
			await bob.get('/api/label?included_relations=notes.remarks'),
			await bob.get('/api/note?included_relations=labels'),
		];
		for (const answer of all) {
			expect(answer, 200);
			assert.ok(!answer.text.includes(hidden), answer.asked);
			assert.ok(answer.text.includes(seen), answer.asked);
		}
	});

	test('C09: in bulk one link that may not be made refuses all', async () => {
		const open = await noteWith(owner(ALL) + READ + REFER);
		const visible = await noteWith(owner(ALL) + READ);
		const hidden = await noteWith(owner(ALL));
		const { id } = await bob.made('label', { text: 'c09' });
		const target = `/api/label/${id}/relationships/notes`;
		const data = (...ids) => ({ data: ids.map((one) => ({ type: 'note', id: one })) });
		refused(await bob.post(target, data(open, visible)), 403);
		refused(await bob.patch(target, data(open, visible)), 403);
		const absent = refused(await bob.post(target, data(open, NOWHERE)), 422);
		const blind = refused(await bob.post(target, data(open, hidden)), 422);
		assert.equal(blind.text.replaceAll(hidden, 'ID'),
			absent.text.replaceAll(NOWHERE, 'ID'));
		refused(await bob.create('label', { text: 'c09' },
			{ notes: data(open, visible) }), 403);
		refused(await operations(bob, [
			{ op: 'add', data: { type: 'remark', attributes: { text: 'c09', note_id: open } } },
			{ op: 'add', data: { type: 'remark', attributes: { text: 'c09', note_id: visible } } },
		]), 403);
		assert.deepEqual((await list(root, `/api/label/${id}/notes`)).data, []);
		assert.equal((await list(root, `/api/remark?${query(['text', 'is', 'c09'])}`))
			.links.total, 0);
		assert.equal((await list(root, `/api/label?${query(['text', 'is', 'c09'])}`))
			.links.total, 1);
		expect(await bob.post(target, data(open)), 204);
	});

	test('a link to a hidden row is not removed by its id', async () => {
		const hidden = await noteWith(owner(ALL));
		const { id } = await bob.made('label', { text: 'kept' });
		const data = [{ type: 'note', id: hidden }];
		const target = `/api/label/${id}/relationships/notes`;
		expect(await root.post(target, { data }), 204);
		expect(await bob.delete(target, { data }), 204);
		expect(await bob.patch(target, { data: [] }), 204);
		assert.deepEqual((await list(root, target)).data, data);
	});

	test('columns of a join table come with related rows', async () => {
		const note = await alice.made('note', { text: 'weighed' });
		const label = await alice.made('label', { text: 'heavy' });
		expect(await alice.post(`/api/note/${note.id}/relationships/labels`,
			{ data: [{ type: 'label', id: label.id, attributes: { weight: 12 } }] }), 204);
		const plain = await list(alice, `/api/note/${note.id}/labels`);
		const included = await list(alice,
			`/api/note/${note.id}/labels?included_relations=user_account_id`);
		for (const { data: [row] } of [plain, included]) {
			assert.equal(row.id, label.id);
			assert.equal(row.attributes.reference_id, label.id);
			assert.equal(row.attributes.weight, 12);
			assert.match(row.attributes.relation_created_at, /^\d{4}-/);
			assert.ok('relation_updated_at' in row.attributes);
		}
	});
});

describe('groups', () => {
	const groupNamed = async (name, ...members) => {
		const { id } = await root.made('usergroup', { name });
		for (const one of members)
			await root.made(MEMBERS, { user_account_id: (await mine(one)).id,
				usergroup_id: id });
		return id;
	};

	test('a related group has the link\'s id, by which it is removed', async () => {
		const self = await mine(bob);
		const team = await groupNamed('team', bob);
		const target = `/api/user_account/${self.id}/usergroup_id`;
		const find = async () => (await list(root, `${target}?page[size]=100`)).data
			.find((row) => row.attributes.name === 'team');
		const { id, attributes } = await find();
		const [link, permission] = instance.psql('SELECT m.reference_id, m.permission ' +
			`FROM ${MEMBERS} m JOIN usergroup g ON g.id = m.usergroup_id ` +
			'WHERE g.name = \'team\' AND m.user_account_id = (SELECT id FROM ' +
			'user_account WHERE email = \'bob@example.com\')').split('|');
		assert.equal(id, team);
		assert.equal(attributes.reference_id, link);
		assert.equal(attributes.permission, Number(permission));
		assert.equal(attributes.relation_reference_id, team);
		const { data: members } = await list(root, `/api/usergroup/${team}/user_account_id`);
		assert.equal(members.find((row) => row.attributes.reference_id === link)
			.attributes.relation_reference_id, self.id);
		expect(await root.delete(`/api/${MEMBERS}/${attributes.reference_id}`), 200);
		assert.equal(await find(), undefined);
	});

	test('C10: nobody makes, changes or removes links of others', async () => {
		const note = await noteWith(owner(ALL) + READ + UPDATE);
		const crew = await groupNamed('crew', alice);
		const self = await mine(bob);
		const other = await mine(alice);
		const share = await root.made(SHARES, { note_id: note, usergroup_id: crew });
		const membership = instance.psql(`SELECT m.reference_id FROM ${MEMBERS} m ` +
			'JOIN usergroup g ON g.id = m.usergroup_id WHERE g.name = \'crew\' ' +
			'AND m.user_account_id = (SELECT id FROM user_account ' +
			'WHERE email = \'alice@example.com\')');
		const all = () => instance.psql(`SELECT md5(string_agg(m::text, ',' ORDER BY id)) ` +
			`FROM ${MEMBERS} m`) + instance.psql('SELECT md5(string_agg(m::text, \',\' ' +
			`ORDER BY id)) FROM ${SHARES} m`);
		const earlier = all();
		const reference = { type: 'usergroup', id: crew };
		const people = { type: 'user_account', id: self.id };
		for (const one of [
			await bob.post(`/api/usergroup/${crew}/relationships/user_account_id`,
				{ data: [people] }),
			await bob.patch(`/api/usergroup/${crew}/relationships/user_account_id`,
				{ data: [people] }),
			await bob.delete(`/api/usergroup/${crew}/relationships/user_account_id`,
				{ data: [{ type: 'user_account', id: other.id }] }),
			await bob.delete(`/api/user_account/${other.id}/relationships/usergroup_id`,
				{ data: [reference] }),
			await bob.delete(`/api/${MEMBERS}/${membership}`),
			await bob.update(MEMBERS, membership, { permission: OPEN }),
			await bob.update('usergroup', crew, {},
				{ user_account_id: { data: [people] } }),
			await bob.delete(`/api/note/${note}/relationships/usergroup_id`,
				{ data: [reference] }),
			await bob.post(`/api/note/${note}/relationships/usergroup_id`,
				{ data: [reference] }),
			await bob.create(SHARES, { note_id: note, usergroup_id: crew }),
			await bob.delete(`/api/${SHARES}/${share.id}`),
			await bob.update(SHARES, share.id, { permission: OPEN }),
			await operations(bob, [{ op: 'add', ref: { type: 'user_account', id: self.id,
				relationship: 'usergroup_id' }, data: [reference] }]),
			await operations(bob, [{ op: 'add', data: { type: MEMBERS, attributes: {
				user_account_id: self.id, usergroup_id: crew } } }]),
			await bob.action('world', 'import_data', { table_name: MEMBERS }),
		])
			refused(one, 400, 403, 404, 422);
		assert.equal(all(), earlier);
	});
});

describe('history', () => {
	const rows = async (client, id) => {
		const answer = expect(await client.get(`/api/note_audit?${query(
			['source_reference_id', 'is', id])}&sort=created_at`), 200);
		assert.equal(answer.json.links.total, answer.json.data.length);
		return answer.json.data;
	};

	test('is readable where its source is', async () => {
		const id = await noteWith(owner(ALL), { text: 'first' });
		expect(await alice.update('note', id, { text: 'second' }), 200);
		const [row] = (await rows(alice, id)).filter((one) =>
			one.attributes.text === 'first');
		assert.ok(row, 'the owner sees what was');
		expect(await alice.get(`/api/note_audit/${row.id}`), 200);
		for (const client of [bob, guest]) {
			assert.deepEqual(await rows(client, id), []);
			refused(await client.get(`/api/note_audit/${row.id}`), 404);
		}
		expect(await root.update('note', id, { permission: owner(ALL) + READ }), 200);
		assert.equal((await rows(bob, id)).length, (await rows(root, id)).length);
		expect(await bob.get(`/api/note_audit/${row.id}`), 200);
	});

	test('of what is deleted is the administrators\'', async () => {
		const id = await noteWith(owner(ALL) + READ, { text: 'gone' });
		const row = (await rows(root, id))[0];
		expect(await alice.delete(`/api/note/${id}`), 200);
		for (const client of [alice, bob, guest]) {
			assert.deepEqual(await rows(client, id), []);
			refused(await client.get(`/api/note_audit/${row.id}`), 404);
		}
		assert.ok((await rows(root, id)).length >= 2);
	});

	test('takes no writes, of administrators either', async () => {
		const id = await noteWith(owner(ALL) + READ);
		const [row] = await rows(root, id);
		for (const client of [root, alice]) {
			refused(await client.update('note_audit', row.id, { text: 'x' }), 403);
			refused(await client.delete(`/api/note_audit/${row.id}`), 403);
			refused(await client.create('note_audit', { text: 'x' }), 403);
			refused(await operations(client, [{ op: 'remove',
				ref: { type: 'note_audit', id: row.id } }]), 403);
		}
		assert.deepEqual((await rows(root, id)).find((one) => one.id === row.id), row);
	});

	test('of a table that is closed is closed', async () => {
		const id = await noteWith(owner(ALL) + READ);
		await open('note', 1 + 16256 + 2080768);
		assert.deepEqual(await rows(bob, id), []);
		assert.ok((await rows(root, id)).length);
		await open('note', 0);
		refused(await bob.get('/api/note_audit'), 403);
		await open('note', OPEN);
		assert.ok((await rows(bob, id)).length);
	});
});

describe('bulk and methods', () => {
	test('C18: of ten operations one is refused: none is done', async () => {
		const forbidden = await noteWith(owner(ALL) + READ);
		const all = Array.from({ length: 10 }, (_, i) => ({ op: 'add',
			data: { type: 'remark', attributes: { text: `c18 ${i}` } } }));
		all[6] = { op: 'update', data: { type: 'note', id: forbidden,
			attributes: { text: 'taken' } } };
		const answer = refused(await operations(bob, all), 403);
		assert.match(answer.json.errors[0].source.pointer, /^\/atomic:operations\/6/);
		assert.equal((await list(root, `/api/remark?${query(
			['text', 'begins with', 'c18'])}`)).links.total, 0);
		assert.equal((await list(root, `/api/note/${forbidden}`)).data.attributes.text,
			'secret');
	});

	test('C18: a hidden row in bulk is as one that isn\'t there', async () => {
		const hidden = await noteWith(owner(ALL));
		const [seen, absent] = await Promise.all([hidden, NOWHERE].map((id) =>
			operations(bob, [{ op: 'add', data: { type: 'remark',
				attributes: { text: 'c18' } } },
			{ op: 'remove', ref: { type: 'note', id } }])));
		refused(seen, 404);
		assert.equal(seen.text.replaceAll(hidden, 'ID'),
			absent.text.replaceAll(NOWHERE, 'ID'));
	});

	test('C19: the method is the request\'s own, and HEAD is GET', async () => {
		const id = await noteWith(owner(ALL) + READ + UPDATE + 16);
		for (const [name, value] of [['x-http-method-override', 'DELETE'],
			['x-http-method', 'DELETE'], ['x-method-override', 'PATCH']])
			for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST'])
				await bob.request(method, `/api/note/${id}?_method=DELETE&method=DELETE`,
					{ headers: { [name]: value } });
		await bob.post(`/api/note/${id}?_method=DELETE`, '_method=DELETE',
			{ type: 'application/x-www-form-urlencoded' });
		expect(await bob.get(`/api/note/${id}`), 200);
		const hidden = await noteWith(owner(ALL));
		for (const target of [`/api/note/${hidden}`, `/api/note/${hidden}/remarks`,
			`/api/note/${hidden}/relationships/remarks`, `/api/note/${NOWHERE}`]) {
			const [got, head] = [await bob.get(target), await bob.request('HEAD', target)];
			assert.deepEqual([head.status, head.text], [got.status, ''], target);
		}
		for (const target of ['/api/shut', '/aggregate/note'])
			assert.equal((await guest.request('HEAD', target)).status,
				(await guest.get(target)).status, target);
	});
});

describe('explain-access', () => {
	const explain = (...words) => {
		const run = spawnSync(ACTD, ['explain-access', ...words], { encoding: 'utf8',
			env: { ...instance.environment, ACTD_KEYS_FILE: `${instance.folder}/keys`,
				ACTD_DATABASE: `host='${instance.folder}/run' user=actd dbname=actd`,
				ACTD_CONFIG: `${instance.folder}/actd.yaml` } });
		return { status: run.status, text: run.stdout + run.stderr };
	};
	const says = (words, status, ...patterns) => {
		const answer = explain(...words);
		assert.equal(answer.status, status, `${words.join(' ')}: ${answer.text}`);
		for (const pattern of patterns)
			assert.match(answer.text, pattern);
	};

	test('names the rule that decided', async () => {
		await member(instance, 'carol', root);
		const id = await noteWith(owner(ALL));
		const read = await noteWith(owner(ALL) + READ);
		const { id: team } = await root.made('usergroup', { name: 'readers' });
		const carol = instance.psql('SELECT reference_id FROM user_account ' +
			'WHERE email = \'carol@example.com\'');
		await root.made(MEMBERS, { user_account_id: carol, usergroup_id: team });
		const share = await root.made(SHARES, { note_id: id, usergroup_id: team });
		expect(await root.update(SHARES, share.id, { permission: group(READ) }), 200);
		says(['root@example.com', 'delete', 'note', id], 0, /member of administrators/);
		says(['guest', 'read', 'note', read], 0, /row .*allowed: guest bit 2/);
		says(['guest', 'read', 'note', id], 1, /no rule grants it/, /^refused$/m);
		says(['alice@example.com', 'update', 'note', id], 0, /owner, bit 1024/);
		says(['carol@example.com', 'read', 'note', id], 0, /group readers, bit 32768/);
		says(['carol@example.com', 'update', 'note', id], 1,
			/read: allowed: group readers/, /update: refused/);
		says(['bob@example.com', 'refer', 'note', read], 1, /refer: refused/);
		says(['carol@example.com', 'update', 'user_account', carol], 0, /own account/);
		says(['bob@example.com', 'create', 'note'], 0, /table note, create: allowed/);
		says(['bob@example.com', 'read', 'shut'], 1, /table shut, read: refused/);
		says(['bob@example.com', 'execute', 'world:restart_daptin'], 1,
			/action restart_daptin, execute: refused/);
		says(['guest', 'execute', 'user_account:signin'], 0, /action signin/);
		const [history] = (await list(root, `/api/note_audit?${query(
			['source_reference_id', 'is', id])}`)).data;
		says(['carol@example.com', 'read', 'note_audit', history.id], 0,
			/the row that it is the history of/);
		says(['bob@example.com', 'read', 'note_audit', history.id], 1, /refused/);
	});

	test('says what it can\'t find', () => {
		says(['nobody@example.com', 'read', 'note'], 65, /no account/);
		says(['guest', 'fly', 'note'], 65, /no verb fly/);
		says(['guest', 'read', 'nothing'], 65, /no entity nothing/);
		says(['guest', 'read', 'note', NOWHERE], 65, /no such note/);
		says(['guest'], 64, /usage/);
	});
});
