import Kernels

/// A value on a tape: a dense row-major matrix [rowCount, columnCount] in the tape's arena.
///
/// Valid on the tape that made it until that tape begins anew.
public struct TapeValue: Sendable, Equatable {
    let index: Int
    /// Rows: tokens, patches, or samples.
    public let rowCount: Int
    /// Columns: channels.
    public let columnCount: Int
}

/// Reverse-mode differentiation over matrices: operations run at once, are recorded, and are run backward in reverse order.
///
/// A tape is one slice's memory: activations live in its arena, which keeps its size from step to step, so that a step of the same
/// size as an earlier one allocates nothing. Gradients of values live in a workspace shared by the threads and are
/// reused as soon as they were passed on; gradients of parameters are added to a flat buffer laid out as the parameters.
///
/// ```swift
/// tape.begin(parameters: parameters)
/// let x = tape.input(tensor)
/// let y = tape.linear(x, weight: weight, bias: bias, outputWidth: 8)
/// tape.backward(from: y, gradient: upstream, into: gradient)
/// ```
///
/// A tape belongs to one thread at a time. Parameters must not change between `begin` and `backward`.
public final class Tape {
    struct Record {
        let region: FloatRegion
        let needsGradient: Bool
        /// The workspace block with the value's gradient during a backward pass; negative when none arrived yet.
        var gradientBlock = -1
    }

    private(set) var records: [Record] = []
    private var operations: [TapeOperation] = []
    private let arena = Arena()
    let workspaces: TapeWorkspacePool
    /// The flat parameters of the current step.
    public private(set) var parameters = FloatBuffer(count: 0)

    /// Makes an empty tape that borrows workspaces from `workspaces`.
    public init(workspaces: TapeWorkspacePool) {
        self.workspaces = workspaces
    }

    /// Forgets all values and starts recording with the given flat parameters.
    public func begin(parameters: FloatBuffer) {
        operations.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
        arena.reset()
        self.parameters = parameters
    }

    /// Floats that the arena holds.
    public var arenaCapacity: Int { arena.capacity }

    /// The memory of a value.
    public func region(of value: TapeValue) -> FloatRegion {
        records[value.index].region
    }

    /// A copy of a value as a tensor [rowCount, columnCount].
    public func tensor(of value: TapeValue) -> Tensor {
        Tensor(shape: [value.rowCount, value.columnCount], values: region(of: value).array)
    }

    /// A value that `fill` writes and no gradient flows to.
    public func input(rowCount: Int, columnCount: Int, fill: (FloatRegion) -> Void) -> TapeValue {
        let value = allocate(rowCount, columnCount, needsGradient: false)
        fill(region(of: value))
        return value
    }

    /// A copy of a tensor [rows, columns] that no gradient flows to.
    public func input(_ tensor: Tensor) -> TapeValue {
        precondition(tensor.shape.count == 2, "tape input of shape \(tensor.shape), must be [rows, columns]")
        return input(rowCount: tensor.shape[0], columnCount: tensor.shape[1]) {
            $0.buffer.write(tensor.values, at: $0.offset)
        }
    }

    /// A parameter read as a matrix [rowCount, columnCount]; its gradient goes to the flat gradient buffer.
    public func parameter(_ span: ParameterSpan, rowCount: Int, columnCount: Int) -> TapeValue {
        precondition(
            span.count == rowCount * columnCount, "parameter of \(span.count) read as [\(rowCount), \(columnCount)]")
        let value = allocate(rowCount, columnCount)
        RowKernels.copy(parameterRegion(span), to: region(of: value))
        record(.parameter(ParameterOperation(span: span, output: value)))
        return value
    }

    /// Runs the recorded operations backward from `value`, whose gradient is `gradient` [rowCount, columnCount], and adds the
    /// parameters' gradients to `parameterGradient`, which is laid out as the parameters. May be called once per `begin`.
    public func backward(from value: TapeValue, gradient: FloatRegion, into parameterGradient: FloatBuffer) {
        let count = value.rowCount * value.columnCount
        precondition(gradient.count == count, "backward: gradient of \(gradient.count) for a value of \(count)")
        precondition(
            parameterGradient.count == parameters.count,
            "backward: gradient buffer of \(parameterGradient.count) for \(parameters.count) parameters")
        workspaces.withWorkspace { workspace in
            let pass = BackwardPass(tape: self, workspace: workspace, parameterGradient: parameterGradient)
            if let target = pass.target(for: value) {
                if target.isFresh {
                    RowKernels.copy(gradient, to: target.region)
                } else {
                    RowKernels.add(gradient, to: target.region)
                }
            }
            for index in operations.indices.reversed() {
                operations[index].backward(pass)
            }
        }
        operations.removeAll(keepingCapacity: true)
    }

    // MARK: - For operations

    func allocate(_ rowCount: Int, _ columnCount: Int, needsGradient: Bool = true) -> TapeValue {
        let region = arena.allocate(rowCount * columnCount)
        records.append(Record(region: region, needsGradient: needsGradient))
        return TapeValue(index: records.count - 1, rowCount: rowCount, columnCount: columnCount)
    }

    /// Memory for what an operation keeps besides its output.
    func allocateCache(_ count: Int) -> FloatRegion {
        arena.allocate(count)
    }

    func record(_ operation: TapeOperation) {
        operations.append(operation)
    }

    func parameterRegion(_ span: ParameterSpan) -> FloatRegion {
        FloatRegion(parameters, offset: span.offset, count: span.count)
    }

    func setGradientBlock(_ block: Int, of value: TapeValue) {
        records[value.index].gradientBlock = block
    }
}
