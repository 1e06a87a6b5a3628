import Kernels
import Tensors
import Testing

private typealias Plain = PlainKernels<Double>

/// Sizes: one, primes, and one that fills whole vectors.
private let shapes: [(rows: Int, input: Int, output: Int)] = [(1, 1, 1), (3, 5, 7), (2, 17, 1), (13, 16, 32)]

@Suite("Gradients against central differences in Double")
struct OperationGradientTests {
    @Test(arguments: shapes, [true, false])
    func linear(shape: (rows: Int, input: Int, output: Int), isFull: Bool) {
        let (rows, input, output) = shape
        let fields = Fields(rows * input, output * input, output, rows * output)
        GradientCheck(parameterCount: fields.count, seed: 1, label: "linear \(shape) full \(isFull)").run { tape in
            let x = tape.parameter(fields.spans[0], rowCount: rows, columnCount: input)
            let residual = isFull ? tape.parameter(fields.spans[3], rowCount: rows, columnCount: output) : nil
            return tape.linear(
                x, weight: fields.spans[1], bias: isFull ? fields.spans[2] : nil, outputWidth: output,
                residual: residual)
        } plain: { flat in
            Plain.linear(
                fields.values(0, of: flat), weight: fields.values(1, of: flat),
                bias: isFull ? fields.values(2, of: flat) : nil, residual: isFull ? fields.values(3, of: flat) : nil,
                rowCount: rows, inputWidth: input, outputWidth: output)
        }
    }

    @Test(arguments: shapes, [ActivationFunction.gelu, .quickGELU, .geluTanh])
    func activatedLinear(shape: (rows: Int, input: Int, output: Int), function: ActivationFunction) {
        let (rows, input, output) = shape
        let fields = Fields(rows * input, output * input, output)
        GradientCheck(
            parameterCount: fields.count, seed: 2, range: -2...2, bound: 5e-5,
            label: "activated linear \(shape) \(function)"
        ).run { tape in
            let x = tape.parameter(fields.spans[0], rowCount: rows, columnCount: input)
            return tape.activatedLinear(
                x, weight: fields.spans[1], bias: fields.spans[2], outputWidth: output, activation: function)
        } plain: { flat in
            Plain.activation(
                function,
                of: Plain.linear(
                    fields.values(0, of: flat), weight: fields.values(1, of: flat), bias: fields.values(2, of: flat),
                    rowCount: rows, inputWidth: input, outputWidth: output))
        }
    }

    @Test(arguments: [1, 7, 64, 300], [ActivationFunction.gelu, .quickGELU, .geluTanh])
    func activation(count: Int, function: ActivationFunction) {
        GradientCheck(parameterCount: count, seed: 3, range: -6...6, label: "activation \(count) \(function)").run {
            tape in
            tape.activation(
                tape.parameter(ParameterSpan(offset: 0, count: count), rowCount: 1, columnCount: count), function)
        } plain: { flat in
            Plain.activation(function, of: flat)
        }
    }

    @Test(arguments: [(1, 2), (3, 5), (7, 17), (2, 64)])
    func layerNorm(rows: Int, columns: Int) {
        let fields = Fields(rows * columns, columns, columns)
        // Two columns divide by their tiny difference: the function itself is steep there.
        GradientCheck(
            parameterCount: fields.count, seed: 4, bound: columns == 2 ? 1e-3 : 5e-5,
            label: "layer norm \(rows) × \(columns)"
        ).run { tape in
            tape.layerNorm(
                tape.parameter(fields.spans[0], rowCount: rows, columnCount: columns), gain: fields.spans[1],
                bias: fields.spans[2])
        } plain: { flat in
            Plain.layerNorm(
                fields.values(0, of: flat), gain: fields.values(1, of: flat), bias: fields.values(2, of: flat),
                columnCount: columns, epsilon: 1e-5)
        }
    }

    @Test(arguments: [(1, 1), (3, 5), (7, 17)])
    func l2Normalize(rows: Int, columns: Int) {
        GradientCheck(parameterCount: rows * columns, seed: 5, label: "L2 \(rows) × \(columns)").run { tape in
            tape.l2Normalize(
                tape.parameter(
                    ParameterSpan(offset: 0, count: rows * columns), rowCount: rows, columnCount: columns))
        } plain: { flat in
            Plain.l2Normalize(flat, columnCount: columns, epsilon: 1e-12)
        }
    }

    @Test func l2NormalizeBelowEpsilon() {
        GradientCheck(parameterCount: 12, seed: 6, range: -0.2...0.2, label: "L2 below epsilon").run { tape in
            tape.l2Normalize(
                tape.parameter(ParameterSpan(offset: 0, count: 12), rowCount: 3, columnCount: 4), epsilon: 0.5)
        } plain: { flat in
            Plain.l2Normalize(flat, columnCount: 4, epsilon: 0.5)
        }
    }

    struct AttentionCase: CustomStringConvertible {
        let lengths: [Int]
        let heads: Int
        let width: Int
        var description: String { "lengths \(lengths), \(heads) heads of \(width)" }
    }

    private static let attentionCases = [
        AttentionCase(lengths: [1], heads: 1, width: 1), AttentionCase(lengths: [5, 1, 3], heads: 2, width: 3),
        AttentionCase(lengths: [7], heads: 1, width: 16), AttentionCase(lengths: [1, 3], heads: 2, width: 18),
        AttentionCase(lengths: [17], heads: 1, width: 5),
    ]

    @Test(arguments: attentionCases, [true, false])
    func attention(_ shape: AttentionCase, isCausal: Bool) {
        let offsets = shape.lengths.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
        let rows = shape.lengths.reduce(0, +)
        let width = shape.heads * shape.width
        let fields = Fields(rows * 3 * width)
        GradientCheck(parameterCount: fields.count, seed: 7, label: "attention \(shape) causal \(isCausal)").run {
            tape in
            let joined = tape.parameter(fields.spans[0], rowCount: rows, columnCount: 3 * width)
            return tape.attention(
                query: joined, queryColumn: 0, queryOffsets: offsets, keyValue: joined, keyColumn: width,
                valueColumn: 2 * width, keyOffsets: offsets, headCount: shape.heads, headWidth: shape.width,
                isCausal: isCausal)
        } plain: { flat in
            let parts = (0..<3).map { columns(flat, from: $0 * width, width: width, stride: 3 * width) }
            return Plain.attention(
                query: parts[0], key: parts[1], value: parts[2], queryOffsets: offsets, keyOffsets: offsets,
                headCount: shape.heads, headWidth: shape.width, isCausal: isCausal)
        }
    }

    /// One query per sequence, keys and values in a wider matrix with a column that nobody uses, all used twice.
    @Test(arguments: attentionCases)
    func pooledAttention(_ shape: AttentionCase) {
        let keyOffsets = shape.lengths.reduce(into: [Int32(0)]) { $0.append($0[$0.count - 1] + Int32($1)) }
        let queryOffsets = shape.lengths.indices.reduce(into: [Int32(0)]) { $0.append(Int32($1 + 1)) }
        let rows = shape.lengths.reduce(0, +)
        let width = shape.heads * shape.width
        let fields = Fields(shape.lengths.count * width, rows * (2 * width + 1))
        GradientCheck(parameterCount: fields.count, seed: 8, label: "pooled attention \(shape)").run { tape in
            let query = tape.parameter(fields.spans[0], rowCount: shape.lengths.count, columnCount: width)
            let keyValue = tape.parameter(fields.spans[1], rowCount: rows, columnCount: 2 * width + 1)
            func attend() -> TapeValue {
                tape.attention(
                    query: query, queryColumn: 0, queryOffsets: queryOffsets, keyValue: keyValue, keyColumn: 0,
                    valueColumn: width, keyOffsets: keyOffsets, headCount: shape.heads, headWidth: shape.width,
                    isCausal: false)
            }
            return tape.add(attend(), attend())
        } plain: { flat in
            let keyValue = fields.values(1, of: flat)
            let key = columns(keyValue, from: 0, width: width, stride: 2 * width + 1)
            let value = columns(keyValue, from: width, width: width, stride: 2 * width + 1)
            return Plain.attention(
                query: fields.values(0, of: flat), key: key, value: value, queryOffsets: queryOffsets,
                keyOffsets: keyOffsets, headCount: shape.heads, headWidth: shape.width, isCausal: false
            ).map { 2 * $0 }
        }
    }

    @Test func embedding() {
        let tokens: [Int32] = [2, 0, 2, 4, 1, 2]
        let places: [Int32] = [0, 1, 2, 0, 1, 0]
        let fields = Fields(5 * 7, 3 * 7)
        GradientCheck(parameterCount: fields.count, seed: 9, label: "embedding").run { tape in
            tape.embedding(
                table: fields.spans[0], positions: fields.spans[1], tokens: tokens, places: places, width: 7)
        } plain: { flat in
            Plain.embedding(
                table: fields.values(0, of: flat), positions: fields.values(1, of: flat), tokens: tokens,
                places: places, columnCount: 7)
        }
    }

    @Test(arguments: [
        ConvolutionShape(height: 1, width: 1, channelCount: 1, kernelSize: 1, stride: 1, padding: 0),
        ConvolutionShape(height: 5, width: 7, channelCount: 3, kernelSize: 3, stride: 2, padding: 1),
        ConvolutionShape(height: 4, width: 4, channelCount: 2, kernelSize: 3, stride: 1, padding: 1),
        ConvolutionShape(height: 2, width: 3, channelCount: 1, kernelSize: 5, stride: 2, padding: 3),
        ConvolutionShape(height: 4, width: 6, channelCount: 2, kernelSize: 2, stride: 2, padding: 0),
    ])
    func convolution(shape: ConvolutionShape) {
        let batch = 2
        let output = 3
        let fields = Fields(batch * shape.imageCount, output * shape.columnCount, output)
        GradientCheck(parameterCount: fields.count, seed: 10, bound: 5e-5, label: "convolution \(shape)").run { tape in
            let x = tape.parameter(
                fields.spans[0], rowCount: batch * shape.height * shape.width, columnCount: shape.channelCount)
            return tape.convolution(
                x, shape: shape, weight: fields.spans[1], bias: fields.spans[2], outputChannelCount: output,
                activation: .gelu)
        } plain: { flat in
            let columns = Plain.imageToColumns(fields.values(0, of: flat), batchCount: batch, shape: shape)
            return Plain.activation(
                .gelu,
                of: Plain.linear(
                    columns, weight: fields.values(1, of: flat), bias: fields.values(2, of: flat),
                    rowCount: batch * shape.outputPlaceCount, inputWidth: shape.columnCount, outputWidth: output))
        }
    }

    @Test(arguments: [(1, 1, 1), (2, 3, 5), (3, 4, 16)])
    func tokenAssembly(batch: Int, patches: Int, width: Int) {
        let fields = Fields(batch * patches * width, width, (patches + 1) * width)
        GradientCheck(parameterCount: fields.count, seed: 11, label: "token assembly").run { tape in
            let x = tape.parameter(fields.spans[0], rowCount: batch * patches, columnCount: width)
            return tape.assembleTokens(
                patches: x, classToken: fields.spans[1], positions: fields.spans[2], patchCount: patches)
        } plain: { flat in
            Plain.assembleTokens(
                patches: fields.values(0, of: flat), classToken: fields.values(1, of: flat),
                positions: fields.values(2, of: flat), patchCount: patches, columnCount: width)
        }
    }

    @Test func rowSelection() {
        let rows: [Int32] = [4, 0, 4, 2]
        GradientCheck(parameterCount: 15, seed: 12, label: "row selection").run { tape in
            tape.selectRows(rows, of: tape.parameter(ParameterSpan(offset: 0, count: 15), rowCount: 5, columnCount: 3))
        } plain: { flat in
            rows.flatMap { flat[Int($0) * 3..<Int($0) * 3 + 3] }
        }
    }

    @Test func meanPooling() {
        let offsets: [Int32] = [0, 1, 1, 4]
        GradientCheck(parameterCount: 12, seed: 13, label: "mean pooling").run { tape in
            tape.meanPool(
                tape.parameter(ParameterSpan(offset: 0, count: 12), rowCount: 4, columnCount: 3), offsets: offsets)
        } plain: { flat in
            Plain.meanRows(flat, offsets: offsets, columnCount: 3)
        }
    }

    /// Values used several times, residuals of a value with itself, and every kind of gradient hand-over in one graph.
    @Test func sharedValues() {
        let fields = Fields(6, 9, 3, 3)
        GradientCheck(parameterCount: fields.count, seed: 14, label: "shared values").run { tape in
            let x = tape.parameter(fields.spans[0], rowCount: 2, columnCount: 3)
            let y = tape.linear(x, weight: fields.spans[1], outputWidth: 3, residual: x)
            let z = tape.add(y, y)
            let w = tape.add(tape.activation(z, .gelu), x)
            let v = tape.layerNorm(w, gain: fields.spans[2], bias: fields.spans[3])
            return tape.add(tape.linear(v, weight: fields.spans[1], outputWidth: 3, residual: w), z)
        } plain: { flat in
            let weight = fields.values(1, of: flat)
            let x = fields.values(0, of: flat)
            let y = Plain.linear(x, weight: weight, residual: x, rowCount: 2, inputWidth: 3, outputWidth: 3)
            let z = y.map { 2 * $0 }
            let w = zip(Plain.activation(.gelu, of: z), x).map { $0 + $1 }
            let v = Plain.layerNorm(
                w, gain: fields.values(2, of: flat), bias: fields.values(3, of: flat), columnCount: 3, epsilon: 1e-5)
            let u = Plain.linear(v, weight: weight, residual: w, rowCount: 2, inputWidth: 3, outputWidth: 3)
            return zip(u, z).map { $0 + $1 }
        }
    }
}

/// `width` columns from `column` on of a matrix whose rows are `stride` long, dense.
func columns(_ matrix: [Double], from column: Int, width: Int, stride: Int) -> [Double] {
    var result: [Double] = []
    for start in Swift.stride(from: column, to: matrix.count, by: stride) {
        result += matrix[start..<start + width]
    }
    return result
}
