// A rule for the linter, which has none for it: `new Date()` without arguments reads the machine's clock.
const noCurrentDate = {
  create: (context) => ({
    NewExpression(node) {
      if (node.callee.type !== "Identifier" || node.callee.name !== "Date" || node.arguments.length > 0)
        return;
      context.report({ node, message: "Time is passed in: take a Clock or an instant." });
    },
  }),
};

export default { meta: { name: "driftlock" }, rules: { "no-current-date": noCurrentDate } };
