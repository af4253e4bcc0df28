/*
 * library.mjs: what the clients' tests share: an instance with the market's
 * to-do list and blog, or schemas of ours where there is no market.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const folder = process.env.ACTD_LIBRARY;

export const { startInstance } = require(`${folder}/instance.js`);
export const { Client, PASSWORD, expect, fileOf, mailOf, marketFolder, member, mine,
	packageFiles, schemaFile, settle, signIn, worldRow } = require(`${folder}/client.js`);

/* Loads packages of the market as they are. */
export async function loadPackages(root, ...names) {
	for (const name of names)
		for (const file of packageFiles(name))
			await root.load(file.name, file.text);
}

/* Opens tables to plain users, rows to their owners. */
export async function openTables(root, ...tables) {
	for (const table of tables) {
		const { id } = await worldRow(root, table);
		expect(await root.update('world', id,
			{ permission: 2097151, default_permission: 16256 }), 200);
	}
}
