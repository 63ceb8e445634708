// A headless Chromium, led by a test: commands come on stdin and answers leave on stdout, one JSON object a line.
//
// Knows nothing of the page. Whatever the browser complains of is kept until it is asked for.

'use strict';

const readline = require('node:readline');
const axe = require('axe-core');
const { chromium } = require('playwright-core');

const PATIENCE = 20_000; // ms for what a page should come to; on an idle machine it is there at once
const ARGUMENTS = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];

let context = null;
let page = null;
let complaints = [];

const commands = {
    async launch({ executable, profile, width, height, dark }) {
        context = await chromium.launchPersistentContext(profile, {
            executablePath: executable,
            headless: true,
            args: ARGUMENTS,
            viewport: { width, height },
            colorScheme: dark ? 'dark' : 'light',
            reducedMotion: 'reduce',
        });
        context.setDefaultTimeout(PATIENCE);
        page = context.pages()[0] ?? (await context.newPage());
        page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
        });
        page.on('pageerror', (error) => complaints.push(`exception: ${error.stack}`));
        page.on('dialog', (dialog) => dialog.accept());
        await page.addInitScript(() => {
            addEventListener('securitypolicyviolation', (event) => {
                console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
            });
        });
    },
    open: ({ url }) => page.goto(url).then(() => {}),
    reload: () => page.reload().then(() => {}),
    resize: ({ width, height }) => page.setViewportSize({ width, height }),
    colours: ({ dark }) => page.emulateMedia({ colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce' }),
    /** Wait until an element that the selector finds has the text in it. */
    wait: ({ selector, text }) => page.locator(selector).filter({ hasText: text }).first().waitFor(),
    hidden: ({ selector }) => page.locator(selector).waitFor({ state: 'hidden' }),
    click: ({ role, name }) => page.getByRole(role, { name }).click(),
    fill: ({ selector, value }) => page.locator(selector).fill(value),
    choose: ({ selector, value }) => page.locator(selector).selectOption(value).then(() => {}),
    press: ({ key }) => page.keyboard.press(key),
    text: ({ selector }) => page.locator(selector).innerText(),
    evaluate: ({ script }) => page.evaluate(script),
    async screenshot({ path }) {
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path, fullPage: true });
    },
    /** What axe-core finds, as rule and elements; its source goes in past the page's own policy. */
    async findings() {
        await page.evaluate(axe.source);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    },
    /** All complaints since this was last asked. */
    async complaints() {
        const told = complaints;
        complaints = [];
        return told;
    },
};

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const { do: name, ...what } = JSON.parse(line);
        let answer;
        try {
            answer = { done: (await commands[name](what)) ?? null };
        } catch (error) {
            answer = { failed: String(error) };
        }
        process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
    await context?.close();
}

main().catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
});
