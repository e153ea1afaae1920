import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const OWN = join(REPOSITORY, 'dist/src/');

/** One entry of "exports" in package.json, and what it exports. */
export interface Room {
  /** As users import it: 'flatmin/optim'. */
  readonly specifier: string;
  /** By exported name, in alphabetical order. */
  readonly exported: ReadonlyMap<string, ts.Symbol>;
}

/** Where the declarations of a room are recorded. */
export const reportFile = ({ specifier }: Room): string =>
  join(REPOSITORY, 'docs/api', `${specifier.split('/').at(-1)}.md`);

/** What users of the built package can import, as its declaration files say. */
export class PublicApi {
  readonly rooms: readonly Room[];
  private readonly checker: ts.TypeChecker;
  private readonly printer = ts.createPrinter({ removeComments: true });

  constructor() {
    const { name, exports } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      name: string;
      exports: Record<string, { types: string }>;
    };
    const entries = Object.entries(exports).flatMap(([subpath, { types }]) =>
      types ? [{ specifier: join(name, subpath), file: join(REPOSITORY, types) }] : [],
    );
    const program = ts.createProgram(
      entries.map(({ file }) => file),
      {
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        target: ts.ScriptTarget.ES2023,
        types: ['node'],
        skipLibCheck: true,
      },
    );
    this.checker = program.getTypeChecker();
    this.rooms = entries.map(({ specifier, file }) => {
      const source = program.getSourceFile(file);
      const module = source && this.checker.getSymbolAtLocation(source);
      if (!module) throw new Error(`${relative(REPOSITORY, file)} is no module.`);
      const symbols = this.checker
        .getExportsOfModule(module)
        .map((each) => [each.name, this.origin(each)] as const);
      return { specifier, exported: new Map(symbols.sort(([a], [b]) => (a < b ? -1 : 1))) };
    });
  }

  /** Types that an exported declaration names and no room exports, each with who names it: "Target (lowering/target.d.ts) of TrainingSessionOptions". */
  unexported(): string[] {
    const exported = new Set(this.rooms.flatMap((room) => [...room.exported.values()]));
    const seen = new Set(exported);
    const missing: string[] = [];
    for (const symbol of seen) {
      for (const named of this.namedBy(symbol)) {
        if (seen.has(named)) continue;
        seen.add(named);
        const file = relative(OWN, named.declarations![0]!.getSourceFile().fileName);
        missing.push(`${named.name} (${file}) of ${symbol.name}`);
      }
    }
    return missing.sort();
  }

  /** Exported names, and named members of exported types, that no comment says anything about: "SGDOptions.momentum". */
  undocumented(): string[] {
    const found = new Set<string>();
    for (const { exported } of this.rooms) {
      for (const [name, symbol] of exported) {
        if (!this.isDocumented(symbol)) found.add(name);
        for (const member of this.membersOf(symbol))
          if (!this.isDocumented(member)) found.add(`${name}.${member.name}`);
      }
    }
    return [...found].sort();
  }

  /** The declarations of a room; what another room, more particular than this one, exports too is told by its name alone. */
  report(room: Room): string {
    const [main, ...particular] = this.rooms;
    const others = room === main ? particular : particular.slice(0, particular.indexOf(room));
    const lines = [...room.exported].map(([name, symbol]) => {
      const owner = others.find(({ exported }) => exported.get(name) === symbol);
      return owner ? `export { ${name} } from '${owner.specifier}';` : this.declarations(symbol);
    });
    return `# ${room.specifier}\n\n\`\`\`ts\n${lines.join('\n')}\n\`\`\`\n`;
  }

  private declarations(symbol: ts.Symbol): string {
    const texts = (symbol.declarations ?? []).map((declaration) => {
      const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
      const { transformed } = ts.transform(node, [this.writtenOut, inFixedOrder]);
      return this.printer.printNode(ts.EmitHint.Unspecified, transformed[0]!, node.getSourceFile());
    });
    return [...new Set(texts)].join('\n').replace(/^export declare /gm, 'export ');
  }

  /** What schemas declare as the members that they come to: types say nothing of ranges. */
  private readonly writtenOut: ts.TransformerFactory<ts.Node> = () => (root) => {
    const { factory } = ts;
    const isDeclared = (node: ts.Node): node is ts.NodeWithTypeArguments =>
      /^((Readonly<)?Given|ReadonlyDeep<z\.output)<typeof \w+>/.test(node.getText());
    const membersOf = (node: ts.NodeWithTypeArguments) =>
      this.checker
        .getPropertiesOfType(this.checker.getTypeAtLocation(node))
        .map((property) =>
          factory.createPropertySignature(
            nameOf(node)?.getText().startsWith('Readonly')
              ? [factory.createModifier(ts.SyntaxKind.ReadonlyKeyword)]
              : undefined,
            property.name,
            property.flags & ts.SymbolFlags.Optional
              ? factory.createToken(ts.SyntaxKind.QuestionToken)
              : undefined,
            factory.createTypeReferenceNode(this.typeText(this.checker.getTypeOfSymbol(property))),
          ),
        );
    if (!ts.isInterfaceDeclaration(root)) return root;
    const { modifiers, name, typeParameters, heritageClauses = [], members } = root;
    const types = heritageClauses.flatMap((clause) => clause.types);
    const others = types.filter((type) => !isDeclared(type));
    const own = new Set(members.map((member) => member.name?.getText()));
    const isAlone = ({ name }: ts.PropertySignature) => ts.isIdentifier(name) && !own.has(name.text);
    return factory.updateInterfaceDeclaration(
      root,
      ...([modifiers, name, typeParameters] as const),
      others.length > 0 ? [factory.createHeritageClause(ts.SyntaxKind.ExtendsKeyword, others)] : undefined,
      [...types.filter(isDeclared).flatMap(membersOf).filter(isAlone), ...members],
    );
  };

  /** In an order of its own where it is a plain union: that of the compiler depends on what it compiled before. */
  private typeText(type: ts.Type): string {
    const text = this.checker
      .typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
      .replaceAll('"', "'");
    const rank = (part: string) => ['null', 'undefined'].indexOf(part);
    const parts = text.split(' | ').sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    return /[<({]/.test(text) ? text : parts.join(' | ');
  }

  /** What a class, an interface or a type declares itself under a name that is not private. */
  private membersOf(symbol: ts.Symbol): ts.Symbol[] {
    return (symbol.declarations ?? []).flatMap(declaredMembers).flatMap((node) => {
      const { name } = node as ts.NamedDeclaration;
      if (!name || ts.isPrivateIdentifier(name) || isPrivate(node)) return [];
      return this.checker.getSymbolAtLocation(name) ?? [];
    });
  }

  private isDocumented(symbol: ts.Symbol): boolean {
    return symbol.getDocumentationComment(this.checker).length > 0;
  }

  /** Symbols of this package that the declarations of a symbol refer to. */
  private namedBy(symbol: ts.Symbol): ts.Symbol[] {
    const found: ts.Symbol[] = [];
    const visit = (node: ts.Node): void => {
      if (isPrivate(node)) return;
      const picked = this.pickedBy(node);
      if (picked) {
        for (const member of picked) visit(member);
        return;
      }
      const name = nameOf(node);
      const referred = name && this.checker.getSymbolAtLocation(name);
      if (referred) {
        const target = this.origin(referred);
        const declaration = target.declarations?.[0];
        if (declaration && isOwn(declaration) && isTopLevel(declaration)) found.push(target);
      }
      ts.forEachChild(node, visit);
    };
    for (const declaration of symbol.declarations ?? []) visit(declaration);
    return found;
  }

  /** The members of a `Pick<Type, 'name' | …>`, which says no more of the type than they do. */
  private pickedBy(node: ts.Node): readonly ts.Node[] | undefined {
    const name = nameOf(node)?.getText();
    const isPick =
      name === 'Pick' && (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node));
    if (!isPick || node.typeArguments?.length !== 2) return undefined;
    const [of, keys] = node.typeArguments.map((each) => this.checker.getTypeFromTypeNode(each));
    const names = keys!.isUnion() ? keys!.types : [keys!];
    return names.flatMap((key) =>
      key.isStringLiteral() ? (of!.getProperty(key.value)?.declarations ?? []) : [],
    );
  }

  private origin(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }
}

/** The order in which the compiler writes inferred unions, and the types made of them, depends on what it compiled before: sorted by their text. */
const inFixedOrder: ts.TransformerFactory<ts.Node> = (context) => (root) => {
  const sorted = <T extends ts.Node>(nodes: readonly T[]): T[] =>
    [...nodes].sort((a, b) => (a.getText() < b.getText() ? -1 : 1));
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isUnionTypeNode(node) && node.types.every(ts.isLiteralTypeNode)) {
      return ts.factory.createUnionTypeNode(sorted(node.types));
    }
    if (ts.isTypeLiteralNode(node) && node.members.every(namesItself)) {
      return ts.factory.createTypeLiteralNode(sorted(node.members));
    }
    return ts.visitEachChild(node, visit, context);
  };
  return visit(root);
};

/** `weights: "weights"`, as in the type of `z.enum(['weights'])`. */
const namesItself = (member: ts.TypeElement): boolean =>
  ts.isPropertySignature(member) &&
  member.type?.getText().slice(1, -1) === member.name.getText().replaceAll(/['"]/g, '');

function declaredMembers(node: ts.Node): readonly ts.Node[] {
  if (ts.isInterfaceDeclaration(node) || ts.isClassLike(node) || ts.isTypeLiteralNode(node))
    return node.members;
  if (ts.isIntersectionTypeNode(node)) return node.types.flatMap(declaredMembers);
  return ts.isTypeAliasDeclaration(node) ? declaredMembers(node.type) : [];
}

const isOwn = (node: ts.Node): boolean =>
  !relative(OWN, dirname(node.getSourceFile().fileName)).startsWith('..');

const isTopLevel = (node: ts.Node): boolean =>
  ts.isSourceFile((ts.isVariableDeclaration(node) ? node.parent.parent : node).parent);

const isPrivate = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false);

/** What a node that refers to a type calls it; `typeof` of a value is left out, as the type can be had without the value. */
function nameOf(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  if (ts.isImportTypeNode(node)) return node.qualifier;
  return undefined;
}
