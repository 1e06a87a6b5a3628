import Kernels

/// What an operation sees while it runs backward.
///
/// Gradients move: the first operation that passes one on to a value overwrites fresh memory, later ones add, and an operation
/// that only hands its output's gradient to an input (a residual path) passes the memory itself on.
final class BackwardPass {
    let tape: Tape
    let workspace: TapeWorkspace
    private let parameterGradient: FloatBuffer

    init(tape: Tape, workspace: TapeWorkspace, parameterGradient: FloatBuffer) {
        self.tape = tape
        self.workspace = workspace
        self.parameterGradient = parameterGradient
    }

    /// The gradient that arrived at an operation's output; nil when nothing depends on it.
    func gradient(of value: TapeValue) -> FloatRegion? {
        let block = tape.records[value.index].gradientBlock
        return block < 0 ? nil : workspace.region(block, value.rowCount * value.columnCount)
    }

    /// Where an input's gradient goes: memory to overwrite when fresh, to add to otherwise; nil when none is wanted.
    func target(for value: TapeValue) -> (region: FloatRegion, isFresh: Bool)? {
        let record = tape.records[value.index]
        guard record.needsGradient else { return nil }
        let count = value.rowCount * value.columnCount
        guard record.gradientBlock < 0 else { return (workspace.region(record.gradientBlock, count), false) }
        let block = workspace.acquire(count)
        tape.setGradientBlock(block, of: value)
        return (workspace.region(block, count), true)
    }

    /// As `target`, with fresh memory set to zero: for operations that touch only some elements.
    func zeroedTarget(for value: TapeValue) -> FloatRegion? {
        guard let target = target(for: value) else { return nil }
        if target.isFresh { RowKernels.fill(target.region, with: 0) }
        return target.region
    }

    /// Gives the output's gradient back after the last use.
    func release(_ output: TapeValue) {
        let block = tape.records[output.index].gradientBlock
        guard block >= 0 else { return }
        workspace.release(block)
        tape.setGradientBlock(-1, of: output)
    }

    /// Passes the output's gradient on to an input unchanged and ends the output's hold on it.
    func hand(_ output: TapeValue, to input: TapeValue) {
        let record = tape.records[input.index]
        let block = tape.records[output.index].gradientBlock
        if record.needsGradient, record.gradientBlock < 0, block >= 0 {
            tape.setGradientBlock(block, of: input)
            tape.setGradientBlock(-1, of: output)
        } else {
            if let gradient = gradient(of: output), let target = target(for: input) {
                RowKernels.add(gradient, to: target.region)
            }
            release(output)
        }
    }

    /// The place of a parameter's gradient, to be added to.
    func parameterGradient(_ span: ParameterSpan) -> FloatRegion {
        FloatRegion(parameterGradient, offset: span.offset, count: span.count)
    }
}
