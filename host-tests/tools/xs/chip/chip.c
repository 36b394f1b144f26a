/*
 * XS with the chip's limits. One machine loads the firmware and is frozen: it stands for the flash, where the SDK's linker
 * puts preloaded modules. A second machine shares it, and has one pool for stack, slots and chunks, as on the chip.
 *
 * Usage: xs-chip <bundle> <pool bytes> <stack slots> <chunk initial> <chunk incremental> <heap initial> <heap incremental>
 *                organic|forced
 *
 * `organic`: garbage is collected when the pool has to grow, as on the chip.
 * `forced`: garbage is collected before each allocation, so that the largest amount of live memory is exact.
 *
 * Each line of the input is a call of the global object `steps`: a name, or a name and an integer. Each answer is one
 * line of JSON. The process ends when the machine aborts.
 */

#include "xsAll.h"
#include "xsScript.h"

#include "pool.h"

_Static_assert(sizeof(txSlot) == 16, "the chip's slots have 16 bytes");
_Static_assert(sizeof(txChunk) == 8, "the chip's chunks have a head of 8 bytes");

/* Content of the stack below its top, to find how much was used. */
#define UNUSED 0xA5

static txMachine *gMachine;
static txBoolean gHasJobs, gIsLoaded;

/* Stack */

static txBoolean isUnused(const txSlot *slot)
{
	for (size_t i = 0; i < sizeof(txSlot); i++) {
		if (((const txU1 *)slot)[i] != UNUSED)
			return 0;
	}
	return 1;
}

static void markStack(txMachine *the)
{
	memset(the->stackBottom, UNUSED, (size_t)((txByte *)the->stack - (txByte *)the->stackBottom));
}

/*
 * Returns how many slots of the stack were used since `markStack`: all but the longest unused part. Numbers and regular
 * expressions use the other end of the stack as scratch memory.
 */
static txSize deepestStack(txMachine *the)
{
	txSize unused = 0, longest = 0;
	for (txSlot *slot = the->stackBottom; slot < the->stack; slot++) {
		unused = isUnused(slot) ? unused + 1 : 0;
		if (longest < unused)
			longest = unused;
	}
	return the->stackTop - the->stackBottom - longest;
}

/* Answers */

static void printText(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' ? ' ' : *text);
	}
	putchar('"');
}

static void printFigures(txMachine *the)
{
	printf("\"slots\":%d,\"chunkBytes\":%d,", the->currentHeapCount, the->currentChunksSize);
	printf("\"peakSlots\":%d,\"peakChunkBytes\":%d,", gPeak.slots, gPeak.chunkBytes);
	printf("\"stackSlots\":%d,", deepestStack(the));
	printf("\"unusedBytes\":%d}\n", (int)(gPool.slotsStart - gPool.chunksEnd));
	fflush(stdout);
}

static const char *reasonOf(int status)
{
	switch (status) {
	case XS_NOT_ENOUGH_MEMORY_EXIT: return "memory full";
	case XS_STACK_OVERFLOW_EXIT: return "stack overflow";
	case XS_NO_MORE_KEYS_EXIT: return "not enough keys";
	case XS_UNHANDLED_EXCEPTION_EXIT: return "unhandled exception";
	case XS_UNHANDLED_REJECTION_EXIT: return "unhandled rejection";
	default: return "abort of the engine";
	}
}

void fxAbort(txMachine *the, int status)
{
	if (the != gMachine) {
		fprintf(stderr, "xs-chip: %s before the start\n", reasonOf(status));
		exit(1);
	}
	printf("{\"abort\":\"%s\",\"refused\":\"%s\",\"refusedBytes\":%d,", reasonOf(status), gRefusal.kind, gRefusal.bytes);
	printFigures(the);
	exit(0);
}

/* The rest of the platform */

void fxCreateMachinePlatform(txMachine *the)
{
}

void fxDeleteMachinePlatform(txMachine *the)
{
}

void fxQueuePromiseJobs(txMachine *the)
{
	gHasJobs = 1;
}

txID fxFindModule(txMachine *the, txSlot *realm, txID moduleID, txSlot *slot)
{
	return fxNewNameC(the, fxToString(the, slot));
}

void fxLoadModule(txMachine *the, txSlot *module, txID moduleID)
{
	txString path = fxGetKeyName(the, moduleID);
	FILE *file = fopen(path, "r");
	txScript *script = file ? fxParseScript(the, file, (txGetter)fgetc, 0) : C_NULL;
	if (file)
		fclose(file);
	if (script)
		fxResolveModule(the, module, moduleID, script, C_NULL, C_NULL);
}

/* The firmware in flash */

/* Returns the bytecode that uses what follows where it is, in place of one that copies it. */
static txU1 inPlace(txU1 code)
{
	switch (code) {
	case XS_CODE_CODE_1: return XS_CODE_CODE_ARCHIVE_1;
	case XS_CODE_CODE_2: return XS_CODE_CODE_ARCHIVE_2;
	case XS_CODE_CODE_4: return XS_CODE_CODE_ARCHIVE_4;
	case XS_CODE_STRING_1: return XS_CODE_STRING_ARCHIVE_1;
	case XS_CODE_STRING_2: return XS_CODE_STRING_ARCHIVE_2;
	case XS_CODE_STRING_4: return XS_CODE_STRING_ARCHIVE_4;
	default: return code;
	}
}

/* Changes a function's code as scripts/sdk/code-in-place.ts does for the chip. */
static void freezeCode(txByte *code)
{
	txByte *end = code - sizeof(txChunk) + ((txChunk *)(code - sizeof(txChunk)))->size;
	while (code < end) {
		txSize size = gxCodeSizes[(txU1)*code];
		txU4 length = 0;
		*code = (txByte)inPlace((txU1)*code);
		if (size < 0) {
			c_memcpy(&length, code + 1, (size_t)-size);
			size = 1 - size + (txSize)length;
		}
		code += size > 0 ? size : 1 + (txSize)sizeof(txID);
	}
}

static void freezeValue(txSlot *slot)
{
	switch (slot->kind) {
	case XS_STRING_KIND: slot->kind = XS_STRING_X_KIND; break;
	case XS_BIGINT_KIND: slot->kind = XS_BIGINT_X_KIND; break;
	case XS_CODE_KIND: slot->kind = XS_CODE_X_KIND; freezeCode(slot->value.code.address); break;
	case XS_CALLBACK_KIND: slot->kind = XS_CALLBACK_X_KIND; break;
	case XS_KEY_KIND: slot->kind = XS_KEY_X_KIND; break;
	}
}

/* Gives values the kinds of the SDK's linker, so that the collector of the machine leaves their chunks alone. */
static void freezeHeap(txMachine *the)
{
	for (txSlot *heap = the->firstHeap; heap; heap = heap->next) {
		for (txSlot *slot = heap + 1; slot < heap->value.reference; slot++) {
			freezeValue(slot);
			if (slot->kind == XS_ARRAY_KIND && slot->value.array.address) {
				txIndex length = fxGetIndexSize(the, slot);
				for (txIndex i = 0; i < length; i++)
					freezeValue(slot->value.array.address + i);
			}
		}
	}
	for (txSlot *slot = the->stack; slot < the->stackTop; slot++)
		freezeValue(slot);
}

static void handleLoaded(txMachine *the)
{
	gIsLoaded = 1;
}

static void handleFailed(txMachine *the)
{
	fprintf(stderr, "xs-chip: %s\n", fxToString(the, mxArgv(0)));
}

static txMachine *load(txString bundle)
{
	txCreation creation = { 16 << 20, 1 << 20, 1 << 20, 1 << 16, 1 << 14, 8192, 0, 1993, 127, 1 << 15, 1993, 0 };
	txMachine *the = fxCreateMachine(&creation, "flash", C_NULL, 0);
	if (!the)
		exit(1);
	fxBeginHost(the);
	mxTry(the) {
		mxPushStringC(bundle);
		fxRunImport(the, mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm, XS_NO_ID);
		mxDub();
		mxGetID(mxID(_then));
		mxCall();
		fxNewHostFunction(the, handleLoaded, 1, XS_NO_ID, XS_NO_ID);
		fxNewHostFunction(the, handleFailed, 1, XS_NO_ID, XS_NO_ID);
		mxRunCount(2);
		mxPop();
		while (gHasJobs) {
			gHasJobs = 0;
			fxRunPromiseJobs(the);
		}
	}
	mxCatch(the) {
		fprintf(stderr, "xs-chip: %s: %s\n", bundle, fxToString(the, &mxException));
	}
	fxEndHost(the);
	if (!gIsLoaded)
		exit(1);
	fxShareMachine(the);
	freezeHeap(the);
	return the;
}

/* Steps */

static void callStep(txMachine *the, txString name, char *argument)
{
	mxPush(mxGlobal);
	mxGetID(fxNewNameC(the, "steps"));
	mxDub();
	mxGetID(fxNewNameC(the, name));
	mxCall();
	if (argument)
		mxPushInteger(atoi(argument));
	mxRunCount(argument ? 1 : 0);
	mxPop();
}

static void runStep(txMachine *the, char *line)
{
	txString name = strtok(line, " \n");
	char *argument = strtok(C_NULL, " \n");
	const char *failure = C_NULL;
	if (!name)
		return;
	gPeak.bytes = 0;
	markStack(the);
	fxBeginHost(the);
	mxTry(the) {
		callStep(the, name, argument);
	}
	mxCatch(the) {
		failure = fxToString(the, &mxException);
	}
	putchar('{');
	if (failure) {
		printf("\"error\":");
		printText(failure);
		putchar(',');
	}
	mxException.kind = XS_UNDEFINED_KIND;
	fxEndHost(the);
	if (gPool.isForced) {
		fxCollectGarbage(the);
		measureLive(the);
	}
	printFigures(the);
}

int main(int count, char *words[])
{
	char line[256];
	txCreation creation;
	txSize poolBytes;
	if (count != 9) {
		fprintf(stderr, "xs-chip: 8 arguments are needed; see chip.c\n");
		return 1;
	}
	poolBytes = atoi(words[2]);
	creation = (txCreation){ atoi(words[4]), atoi(words[5]), atoi(words[6]), atoi(words[7]), atoi(words[3]),
		32, 32, 53, 3, 1024, 17, poolBytes };
	txMachine *flash = load(words[1]);
	makePool(poolBytes);
	/* The tables of names have the flash's sizes, as the linker makes them. */
	creation.nameModulo = flash->nameModulo;
	creation.symbolModulo = flash->symbolModulo;
	gMachine = fxCloneMachine(&creation, flash, "chip", C_NULL);
	if (!gMachine) {
		fprintf(stderr, "xs-chip: the machine does not fit into the pool\n");
		return 1;
	}
	gPool.isForced = strcmp(words[8], "forced") == 0;
	while (fgets(line, sizeof(line), stdin))
		runStep(gMachine, line);
	return 0;
}
