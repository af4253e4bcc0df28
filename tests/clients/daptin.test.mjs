/*
 * daptin.test.mjs: daptin-client 0.2.9 as it is published, before and after
 * the lock-down, as administrator and as a plain user.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRequire } from 'node:module';
import { PASSWORD, loadPackages, mailOf, marketFolder, openTables, signIn, startInstance }
	from './library.mjs';

const { DaptinClient } = createRequire(import.meta.url)('daptin-client');

/* It is made for browsers, and prints what it receives. */
globalThis.window = { localStorage: { setItem() {} } };
globalThis.document = {};
console.log = () => {};

const market = { skip: marketFolder() ? false : 'no packages beside the tree' };

let instance;

before(async () => {
	instance = await startInstance();
});

after(() => instance?.stop());

/* A client whose token is kept in `keeper.token`. */
function clientOf(keeper = { token: null }) {
	const client = new DaptinClient(instance.url, false, { getToken: () => keeper.token });
	return Object.assign(client, { keeper });
}

async function signedIn(name) {
	const client = clientOf();
	const items = await client.actionManager.doAction('user_account', 'signin',
		{ email: mailOf(name), password: PASSWORD });
	client.keeper.token = items.find(
		(item) => item.ResponseType === 'client.store.set').Attributes.value;
	return client;
}

function signUp(client, name) {
	return client.actionManager.doAction('user_account', 'signup', { name,
		email: mailOf(name), password: PASSWORD, passwordConfirm: PASSWORD });
}

/* On success loadModels() rejects with the models: a slip of the client. */
async function loadModels(client) {
	try {
		await client.worldManager.loadModels();
	} catch (models) {
		assert.ok(!models.error, JSON.stringify(models));
		return models;
	}
	return [];
}

/* The client defines the models of its own accord; wait for them. */
async function ready(client, entity) {
	await loadModels(client);
	for (let i = 0; i < 100 && !client.jsonApi.models[entity]; i++)
		await new Promise((resolve) => setTimeout(resolve, 20));
	assert.ok(client.jsonApi.models[entity], `no model ${entity}`);
}

async function rowsComeAndGo(client) {
	const { jsonApi } = client;
	await ready(client, 'todo');
	const project = (await jsonApi.create('project', { name: 'House' })).data;
	const made = (await jsonApi.create('todo', { title: 'Paint',
		project_id: { id: project.id, type: 'project' } })).data;
	assert.equal(made.title, 'Paint');
	const read = (await jsonApi.find('todo', made.id)).data;
	assert.equal(read.id, made.id);
	assert.equal(read.project_id?.id ?? read.project_id, project.id);
	const changed = (await jsonApi.update('todo', { id: made.id, title: 'Paint it' })).data;
	assert.equal(changed.title, 'Paint it');
	const list = await jsonApi.findAll('todo', {
		page: { number: 1, size: 10 }, included_relations: 'project_id',
		query: JSON.stringify([{ column: 'title', operator: 'is', value: 'Paint it' }]) });
	assert.deepEqual(list.data.map((row) => row.id), [made.id]);
	assert.equal(list.links.total, 1);
	assert.equal(list.data[0].project_id.name, 'House');
	const related = await jsonApi.one('project', project.id).all('todo_id').get();
	assert.deepEqual(related.data.map((row) => row.id), [made.id]);
	await jsonApi.destroy('todo', made.id);
	await assert.rejects(jsonApi.find('todo', made.id));
	await jsonApi.destroy('project', project.id);
}

describe('before the lock-down', () => {
	test('a client without a token can be made', async () => {
		const client = clientOf();
		await new Promise((resolve) => setTimeout(resolve, 300));
		assert.ok(client.worldManager.getColumnFieldTypes().label);
	});

	test('the three words for no token are a guest\'s', async () => {
		for (const token of [null, undefined, '']) {
			const client = clientOf({ token });
			const actions = await client.actionManager.getGuestActions();
			assert.ok(actions['user:signin']);
			assert.ok((await client.worldManager.loadModel('user_account')));
		}
	});

	test('signing up and in work', async () => {
		for (const name of ['root', 'bob', 'eve']) {
			const items = await signUp(clientOf(), name);
			assert.equal(items.at(-1).ResponseType, 'client.redirect');
		}
		assert.ok((await signedIn('root')).keeper.token);
	});

	test('a refusal rejects with the items', async () => {
		await assert.rejects(clientOf().actionManager.doAction('user_account', 'signin',
			{ email: mailOf('root'), password: 'wrong horse' }), (items) => {
			assert.equal(items[0].Attributes.type, 'error');
			return true;
		});
	});

	test('rows come and go for the first user', market, async () => {
		await loadPackages(await signIn(instance, 'root'), 'todolist', 'blog');
		await rowsComeAndGo(await signedIn('root'));
	});
});

describe('after the lock-down', () => {
	let root;

	test('the first administrator is made', async () => {
		root = await signedIn('root');
		const items = await root.actionManager.doAction('world',
			'become_an_administrator', {});
		assert.equal(items[0].ResponseType, 'client.redirect');
		await assert.rejects((await signedIn('bob')).actionManager
			.doAction('world', 'become_an_administrator', {}));
	});

	test('a guest\'s client starts, and may sign in', async () => {
		const client = clientOf();
		assert.ok(await client.worldManager.loadModel('user_account'));
		await signedIn('bob');
		await assert.rejects(signUp(clientOf(), 'late'));
	});

	test('the administrator loads every model', async () => {
		const models = await loadModels(root);
		assert.ok(models.length > 20, String(models.length));
	});

	test('rows come and go for the administrator', market, async () => {
		await rowsComeAndGo(await signedIn('root'));
	});

	test('actions run', market, async () => {
		const client = await signedIn('root');
		await ready(client, 'project');
		const items = await client.actionManager.doAction('project', 'new_task',
			{ description: 'Sweep', schedule: '2030-05-01' });
		assert.equal(items[0].ResponseType, 'client.notify');
		const { data: [todo] } = await client.jsonApi.findAll('todo', {});
		await client.actionManager.doAction('todo', 'completed', { todo_id: todo.id });
		assert.equal((await client.jsonApi.find('todo', todo.id)).data.completed, true);
		await client.jsonApi.destroy('todo', todo.id);
	});

	test('machines start and move', async () => {
		const admin = await signIn(instance, 'root');
		await admin.load('schema_doors.json', JSON.stringify({
			Tables: [{ TableName: 'door', IsStateTrackingEnabled: true,
				Columns: [{ ColumnName: 'name', ColumnType: 'label' }] }],
			StateMachineDescriptions: [{ Name: 'door_life', Label: 'Door',
				InitialState: 'shut', Events: [
					{ Name: 'open', Label: 'Open', Src: ['shut'], Dst: 'ajar' }] }] }));
		const client = await signedIn('root');
		await ready(client, 'door', 'smd');
		const { data: door } = await client.jsonApi.create('door', { name: 'front' });
		const machine = (await client.jsonApi.findAll('smd', {})).data
			.find((row) => row.name === 'door_life');
		const started = await client.worldManager.startObjectTrack('door', door.id,
			machine.id);
		const state = (started.data?.data ?? started.data ?? started);
		assert.equal(state.attributes.current_state, 'shut');
		await client.worldManager.trackObjectEvent('door', state.id, 'open');
		await assert.rejects(client.worldManager.trackObjectEvent('door', state.id, 'open'));
	});

	test('what the client has learnt can be asked of it', market, async () => {
		const { worldManager: worlds, actionManager: actions } = await signedIn('root');
		await worlds.loadModels().catch(() => {});
		assert.equal(worlds.isStateMachineEnabled('door'), true);
		assert.equal(worlds.isStateMachineEnabled('tag'), false);
		assert.equal((await worlds.getStateMachinesForType('todo')).length, 0);
		assert.equal(worlds.getWorldByName('todo').table_name, 'todo');
		assert.ok(Object.keys(worlds.getWorlds()).length > 20);
		assert.ok(worlds.getSystemActions().some(
			(action) => action.Name === 'upload_system_schema'));
		const model = worlds.GetJsonApiModel((await worlds.getColumnKeys('todo')).ColumnModel);
		assert.equal(model.title, 'label');
		assert.equal(model.project_id.jsonApi, 'hasOne');
		assert.ok(actions.getActions('project').new_task.InFields.length);
		assert.equal(actions.getActionModel('todo', 'completed').OnType, 'todo');
		actions.setActions('shed', { sweep: { Name: 'sweep', OnType: 'shed' } });
		assert.equal(actions.getActionModel('shed', 'sweep').Name, 'sweep');
	});

	test('worlds and models are loaded again', market, async () => {
		const client = await signedIn('root');
		await ready(client, 'world', 'stream');
		await client.worldManager.refreshWorlds();
		assert.equal((await client.worldManager.loadModel(['todo', 'tag'])).length, 2);
		const streams = await client.worldManager.loadStreams();
		assert.equal(streams.length, client.worldManager.streams.length);
		for (const [i, { stream_name: name }] of client.worldManager.streams.entries()) {
			assert.ok(Object.keys(streams[i]).length > 1, name);
			assert.ok(Array.isArray((await client.jsonApi.findAll(name, {})).data), name);
		}
	});

	/* getStats() throws before it asks; this is what it means to ask. */
	test('figures are there where the client looks for them', market, async () => {
		const client = await signedIn('root');
		await assert.rejects(client.statsManager.getStats('todo', { column: 'count' }),
			TypeError);
		const answer = await (await signIn(instance, 'root')).get('/stats/todo?column=count');
		assert.equal(answer.json.data[0].count, 0);
	});

	test('settings are read and set by the administrator', async () => {
		const { configManager: settings } = await signedIn('root');
		await settings.setConfig('limit.rate', 'backend', '77');
		assert.equal(await settings.getConfig('limit.rate', 'backend'), 77);
		await assert.rejects(settings.getConfig('no.such.thing', 'backend'),
			(error) => error.response.status === 404);
		const other = (await signedIn('bob')).configManager;
		await assert.rejects(other.getConfig('limit.rate', 'backend'),
			(error) => error.response.status === 403);
		await assert.rejects(other.setConfig('limit.rate', 'backend', '1'),
			(error) => error.response.status === 403);
	});

	test('random data is made', async () => {
		const client = await signedIn('root');
		await ready(client, 'door');
		await client.actionManager.doAction('world', 'generate_random_data',
			{ table_name: 'door', count: 5 });
		assert.equal((await client.jsonApi.findAll('door', {})).data.length, 6);
	});

	test('to-many links are read and removed', market, async () => {
		const client = await signedIn('root');
		await ready(client, 'tag');
		const { jsonApi } = client;
		const tag = (await jsonApi.create('tag', { label: 'urgent' })).data;
		const todo = (await jsonApi.create('todo', { title: 'Linked',
			tag_id: [{ id: tag.id, type: 'tag' }] })).data;
		const links = jsonApi.one('todo', todo.id).relationships().all('tag_id');
		assert.deepEqual((await links.get()).data.map((one) => one.id), [tag.id]);
		await jsonApi.one('todo', todo.id).relationships().all('tag_id')
			.destroy([{ id: tag.id }]);
		assert.deepEqual((await jsonApi.one('todo', todo.id).all('tag_id').get()).data, []);
		await jsonApi.destroy('todo', todo.id);
		await jsonApi.destroy('tag', tag.id);
	});

	test('refreshWorld finds its row', market, async () => {
		const client = await signedIn('root');
		await ready(client, 'world');
		const found = await client.worldManager.refreshWorld('todo').catch((row) => row);
		assert.ok(found.item_order, JSON.stringify(found));
	});

	test('a plain user\'s client starts with the tables that are his', market, async () => {
		const client = await signedIn('bob');
		await openTables(await signIn(instance, 'root'), 'todo', 'project', 'tag');
		const models = await loadModels(client);
		assert.ok(Array.isArray(models));
		await rowsComeAndGo(await signedIn('bob'));
	});

	test('a plain user sees none of another\'s rows', market, async () => {
		const bob = await signedIn('bob');
		const eve = await signedIn('eve');
		await ready(bob, 'todo');
		await ready(eve, 'todo');
		const { data } = await bob.jsonApi.create('todo', { title: 'Bob\'s' });
		assert.deepEqual((await eve.jsonApi.findAll('todo', {})).data, []);
		await assert.rejects(eve.jsonApi.find('todo', data.id));
		await assert.rejects(eve.jsonApi.update('todo', { id: data.id, title: 'Eve\'s' }));
		await assert.rejects(eve.jsonApi.destroy('todo', data.id));
		await bob.jsonApi.destroy('todo', data.id);
	});

	test('errors reach the caller by field', market, async () => {
		const client = await signedIn('root');
		await ready(client, 'todo');
		await assert.rejects(client.jsonApi.create('todo', { title: '' }), (error) => {
			assert.match(JSON.stringify(error), /title/);
			return true;
		});
	});

	test('a stale token doesn\'t keep a browser from signing in', async () => {
		const client = clientOf({ token: 'a.b.c' });
		await new Promise((resolve) => setTimeout(resolve, 200));
		assert.ok(client.worldManager.getColumnFieldTypes().label);
		const items = await client.actionManager.doAction('user_account', 'signin',
			{ email: mailOf('bob'), password: PASSWORD });
		assert.equal(items[0].ResponseType, 'client.store.set');
	});
});
