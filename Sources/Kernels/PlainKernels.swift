/// The plain twins: every kernel once more as the shortest loop over arrays, in any precision, to test the fast ones against.
///
/// Matrices are dense and row-major; shapes stand in the parameter names. Nothing here is fast.
public enum PlainKernels<Scalar: PlainScalar> {
    /// op(A) · op(B), op(A) [rowCount, depth], op(B) [depth, columnCount].
    public static func multiply(
        _ left: [Scalar], isLeftTransposed: Bool = false, by right: [Scalar], isRightTransposed: Bool = false,
        rowCount: Int, columnCount: Int, depth: Int
    ) -> [Scalar] {
        var result = [Scalar](repeating: 0, count: rowCount * columnCount)
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                var sum: Scalar = 0
                for place in 0..<depth {
                    let a = isLeftTransposed ? left[place * rowCount + row] : left[row * depth + place]
                    let b = isRightTransposed ? right[column * depth + place] : right[place * columnCount + column]
                    sum += a * b
                }
                result[row * columnCount + column] = sum
            }
        }
        return result
    }

    /// x·Wᵀ + b + residual, x [rowCount, inputWidth], W [outputWidth, inputWidth].
    public static func linear(
        _ x: [Scalar], weight: [Scalar], bias: [Scalar]? = nil, residual: [Scalar]? = nil, rowCount: Int,
        inputWidth: Int, outputWidth: Int
    ) -> [Scalar] {
        var result = multiply(
            x, by: weight, isRightTransposed: true, rowCount: rowCount, columnCount: outputWidth, depth: inputWidth)
        for index in result.indices {
            result[index] += (bias?[index % outputWidth] ?? 0) + (residual?[index] ?? 0)
        }
        return result
    }

    /// f(x) element by element: x·Φ(x) = x·erfc(−x/√2)/2, or x/(1 + e^(−1.702x)), or ½x(1 + tanh u) = x/(1 + e^(−2u)) with
    /// u = √(2/π)(x + 0.044715x³).
    public static func activation(_ function: ActivationFunction, of x: [Scalar]) -> [Scalar] {
        x.map { value in
            switch function {
            case .gelu: value * Scalar.complementaryError(-value * Scalar(0.5).squareRoot()) / 2
            case .quickGELU: value / (1 + Scalar.exponential(Scalar(-1.702) * value))
            case .geluTanh: value / (1 + Scalar.exponential(-2 * tanhArgument(value)))
            }
        }
    }

    private static func tanhArgument(_ x: Scalar) -> Scalar {
        (2 / Scalar.pi).squareRoot() * (x + Scalar(0.044715) * x * x * x)
    }

    /// f′(x) element by element: Φ(x) + x·φ(x), or σ + 1.702·x·σ·(1 − σ), or σ(2u) + 2x·u′·σ(2u)·(1 − σ(2u)).
    public static func activationDerivative(_ function: ActivationFunction, of x: [Scalar]) -> [Scalar] {
        x.map { value in
            switch function {
            case .gelu:
                Scalar.complementaryError(-value * Scalar(0.5).squareRoot()) / 2 + value
                    * Scalar.exponential(-value * value / 2) / (2 * Scalar.pi).squareRoot()
            case .quickGELU:
                {
                    let s = 1 / (1 + Scalar.exponential(Scalar(-1.702) * value))
                    return s + Scalar(1.702) * value * s * (1 - s)
                }()
            case .geluTanh:
                {
                    let s = 1 / (1 + Scalar.exponential(-2 * tanhArgument(value)))
                    let slope = (2 / Scalar.pi).squareRoot() * (1 + Scalar(0.134145) * value * value)
                    return s + 2 * value * slope * s * (1 - s)
                }()
            }
        }
    }

    /// (x − mean) / √(variance + epsilon) · gain + bias per row of columnCount values.
    public static func layerNorm(
        _ x: [Scalar], gain: [Scalar], bias: [Scalar], columnCount: Int, epsilon: Scalar
    ) -> [Scalar] {
        rows(x, columnCount) { row in
            let mean = row.reduce(0, +) / Scalar(columnCount)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Scalar(columnCount)
            let deviation = (variance + epsilon).squareRoot()
            return row.indices.map { (row[$0] - mean) / deviation * gain[$0] + bias[$0] }
        }
    }

    /// x / max(‖x‖, epsilon) per row.
    public static func l2Normalize(_ x: [Scalar], columnCount: Int, epsilon: Scalar) -> [Scalar] {
        rows(x, columnCount) { row in
            let norm = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / max(norm, epsilon) }
        }
    }

    /// Softmax per row.
    public static func softmax(_ x: [Scalar], columnCount: Int) -> [Scalar] {
        rows(x, columnCount) { row in
            let maximum = row.max() ?? 0
            let powers = row.map { Scalar.exponential($0 - maximum) }
            let sum = powers.reduce(0, +)
            return powers.map { $0 / sum }
        }
    }

    /// softmax(Q·Kᵀ/√D)·V per sequence and head; q [query rows, H·D], k and v [key rows, H·D] dense.
    public static func attention(
        query: [Scalar], key: [Scalar], value: [Scalar], queryOffsets: [Int32], keyOffsets: [Int32], headCount: Int,
        headWidth: Int, isCausal: Bool
    ) -> [Scalar] {
        let width = headCount * headWidth
        var result = [Scalar](repeating: 0, count: query.count)
        for sequence in 0..<queryOffsets.count - 1 {
            let queries = Int(queryOffsets[sequence])..<Int(queryOffsets[sequence + 1])
            let keys = Int(keyOffsets[sequence])..<Int(keyOffsets[sequence + 1])
            for (head, row) in (0..<headCount).flatMap({ head in queries.map { (head, $0) } }) where !keys.isEmpty {
                let visibleCount = isCausal ? row - queries.lowerBound + keys.count - queries.count + 1 : keys.count
                let scores = keys.prefix(visibleCount).map { keyRow in
                    (0..<headWidth).reduce(Scalar(0)) { sum, channel in
                        let column = head * headWidth + channel
                        return sum + query[row * width + column] * key[keyRow * width + column]
                    } / Scalar(headWidth).squareRoot()
                }
                let probabilities = softmax(scores, columnCount: scores.count)
                for channel in 0..<headWidth {
                    let column = head * headWidth + channel
                    result[row * width + column] = zip(probabilities, keys).reduce(0) {
                        $0 + $1.0 * value[$1.1 * width + column]
                    }
                }
            }
        }
        return result
    }

    /// table[tokens[r]] + positions[places[r]].
    public static func embedding(
        table: [Scalar], positions: [Scalar], tokens: [Int32], places: [Int32], columnCount: Int
    ) -> [Scalar] {
        zip(tokens, places).flatMap { token, place in
            (0..<columnCount).map { table[Int(token) * columnCount + $0] + positions[Int(place) * columnCount + $0] }
        }
    }

    /// Per image: classToken + positions[0], then patches[n] + positions[1 + n].
    public static func assembleTokens(
        patches: [Scalar], classToken: [Scalar], positions: [Scalar], patchCount: Int, columnCount: Int
    ) -> [Scalar] {
        let imageCount = patchCount * columnCount
        return stride(from: 0, to: patches.count, by: imageCount).flatMap { start in
            zip(classToken + patches[start..<start + imageCount], positions).map { $0 + $1 }
        }
    }

    /// Mean of the rows offsets[s] ..< offsets[s + 1].
    public static func meanRows(_ x: [Scalar], offsets: [Int32], columnCount: Int) -> [Scalar] {
        zip(offsets, offsets.dropFirst()).flatMap { begin, end in
            (0..<columnCount).map { column in
                begin == end
                    ? 0 : (begin..<end).reduce(0) { $0 + x[Int($1) * columnCount + column] } / Scalar(end - begin)
            }
        }
    }

    /// unfold: columns[b, place, (ky, kx, channel)], zero outside the image.
    public static func imageToColumns(_ images: [Scalar], batchCount: Int, shape: ConvolutionShape) -> [Scalar] {
        var result: [Scalar] = []
        for image in 0..<batchCount {
            for (row, column) in grid(shape.outputHeight, shape.outputWidth) {
                for (kernelRow, kernelColumn) in grid(shape.kernelSize, shape.kernelSize) {
                    let y = row * shape.stride + kernelRow - shape.padding
                    let x = column * shape.stride + kernelColumn - shape.padding
                    let isInside = y >= 0 && y < shape.height && x >= 0 && x < shape.width
                    for channel in 0..<shape.channelCount {
                        let place = ((image * shape.height + y) * shape.width + x) * shape.channelCount + channel
                        result.append(isInside ? images[place] : 0)
                    }
                }
            }
        }
        return result
    }

    /// (byte / 255 − mean) / std over whole patches, [batch · patches, (y, x, channel)].
    public static func patches(
        of pixels: [UInt8], batchCount: Int, imageSize: Int, patchSize: Int, mean: [Scalar], std: [Scalar]
    ) -> [Scalar] {
        var result: [Scalar] = []
        let gridSize = imageSize / patchSize
        for image in 0..<batchCount {
            for (patchRow, patchColumn) in grid(gridSize, gridSize) {
                for (row, column) in grid(patchSize, patchSize) {
                    let y = patchRow * patchSize + row
                    let x = patchColumn * patchSize + column
                    for channel in 0..<3 {
                        let byte = pixels[((image * imageSize + y) * imageSize + x) * 3 + channel]
                        result.append((Scalar(byte) / 255 - mean[channel]) / std[channel])
                    }
                }
            }
        }
        return result
    }

    private static func rows(_ x: [Scalar], _ columnCount: Int, _ body: ([Scalar]) -> [Scalar]) -> [Scalar] {
        stride(from: 0, to: x.count, by: max(1, columnCount)).flatMap { body(Array(x[$0..<$0 + columnCount])) }
    }

    private static func grid(_ rowCount: Int, _ columnCount: Int) -> [(Int, Int)] {
        (0..<rowCount).flatMap { row in (0..<columnCount).map { (row, $0) } }
    }
}
