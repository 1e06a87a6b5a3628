import CKernels

/// Loops that gather, scatter and join rows by index. Indices are checked before any memory is touched.
public enum IndexedRowKernels {
    /// output[r] = table[tokens[r]] + positions[places[r]].
    public static func embedding(
        table: FloatRegion, positions: FloatRegion, tokens: [Int32], places: [Int32], into output: FloatRegion,
        columnCount: Int
    ) {
        check(tokens, below: table.count / max(1, columnCount), "embedding tokens")
        check(places, below: positions.count / max(1, columnCount), "embedding places")
        precondition(tokens.count == places.count, "embedding: \(tokens.count) tokens at \(places.count) places")
        output.require(tokens.count * columnCount, "embedding", "output")
        unsafe vlm_embedding_forward(
            table.pointer, positions.pointer, tokens, places, output.pointer, tokens.count, columnCount)
    }

    /// The same of a table as it is stored: rows of 16 bits are widened as they are looked up.
    public static func embedding(
        table: WeightRegion, positions: FloatRegion, tokens: [Int32], places: [Int32], into output: FloatRegion,
        columnCount: Int
    ) {
        if let table = table.floats {
            return embedding(
                table: table, positions: positions, tokens: tokens, places: places, into: output,
                columnCount: columnCount)
        }
        precondition(tokens.count == places.count, "embedding: \(tokens.count) tokens at \(places.count) places")
        for (row, (token, place)) in zip(tokens, places).enumerated() {
            let sum = output.region(at: row * columnCount, count: columnCount)
            table.region(at: Int(token) * columnCount, count: columnCount).widen(into: sum)
            RowKernels.addBias(
                positions.region(at: Int(place) * columnCount, count: columnCount), to: sum, into: sum, rowCount: 1,
                columnCount: columnCount)
        }
    }

    /// tableGradient[tokens[r]] += and positionGradient[places[r]] += outputGradient[r], rows in order.
    public static func embeddingBackward(
        outputGradient: FloatRegion, tokens: [Int32], places: [Int32], tableGradient: FloatRegion,
        positionGradient: FloatRegion, columnCount: Int
    ) {
        check(tokens, below: tableGradient.count / max(1, columnCount), "embedding tokens")
        check(places, below: positionGradient.count / max(1, columnCount), "embedding places")
        precondition(tokens.count == places.count, "embedding: \(tokens.count) tokens at \(places.count) places")
        outputGradient.require(tokens.count * columnCount, "embedding backward", "output gradient")
        unsafe vlm_embedding_backward(
            outputGradient.pointer, tokens, places, tableGradient.pointer, positionGradient.pointer, tokens.count,
            columnCount)
    }

    /// output[r] = input[rows[r]].
    public static func gather(_ rows: [Int32], of input: FloatRegion, into output: FloatRegion, columnCount: Int) {
        check(rows, below: input.count / max(1, columnCount), "gathered rows")
        output.require(rows.count * columnCount, "gather", "output")
        unsafe vlm_gather_rows(input.pointer, rows, output.pointer, rows.count, columnCount)
    }

    /// output[rows[r]] += input[r], rows in order.
    public static func scatterAdd(_ input: FloatRegion, to rows: [Int32], of output: FloatRegion, columnCount: Int) {
        check(rows, below: output.count / max(1, columnCount), "scattered rows")
        input.require(rows.count * columnCount, "scatter", "input")
        unsafe vlm_scatter_add_rows(input.pointer, rows, output.pointer, rows.count, columnCount)
    }

    /// Per image: the class token plus position 0, then each patch plus its position.
    public static func assembleTokens(
        patches: FloatRegion, classToken: FloatRegion, positions: FloatRegion, into output: FloatRegion,
        batchCount: Int, patchCount: Int, columnCount: Int
    ) {
        patches.require(batchCount * patchCount * columnCount, "token assembly", "patches")
        classToken.require(columnCount, "token assembly", "class token")
        positions.require((patchCount + 1) * columnCount, "token assembly", "positions")
        output.require(batchCount * (patchCount + 1) * columnCount, "token assembly", "output")
        unsafe vlm_assemble_tokens_forward(
            patches.pointer, classToken.pointer, positions.pointer, output.pointer, batchCount, patchCount, columnCount)
    }

    /// The gradients of `assembleTokens`: patches overwritten, class token and positions added to.
    public static func assembleTokensBackward(
        outputGradient: FloatRegion, patchGradient: FloatRegion, classTokenGradient: FloatRegion,
        positionGradient: FloatRegion, batchCount: Int, patchCount: Int, columnCount: Int
    ) {
        outputGradient.require(
            batchCount * (patchCount + 1) * columnCount, "token assembly backward", "output gradient")
        patchGradient.require(batchCount * patchCount * columnCount, "token assembly backward", "patch gradient")
        classTokenGradient.require(columnCount, "token assembly backward", "class token gradient")
        positionGradient.require((patchCount + 1) * columnCount, "token assembly backward", "position gradient")
        unsafe vlm_assemble_tokens_backward(
            outputGradient.pointer, patchGradient.pointer, classTokenGradient.pointer, positionGradient.pointer,
            batchCount, patchCount, columnCount)
    }

    /// output[s] = mean of the rows offsets[s] ..< offsets[s + 1]; 0 for an empty range.
    public static func meanRows(
        of input: FloatRegion, offsets: [Int32], into output: FloatRegion, columnCount: Int
    ) {
        checkOffsets(offsets, rowCount: input.count / max(1, columnCount), "mean of rows")
        output.require((offsets.count - 1) * columnCount, "mean of rows", "output")
        unsafe vlm_mean_rows_forward(input.pointer, offsets, output.pointer, offsets.count - 1, columnCount)
    }

    /// inputGradient[r] += outputGradient[s] / row count for each row r of sequence s.
    public static func meanRowsBackward(
        outputGradient: FloatRegion, offsets: [Int32], inputGradient: FloatRegion, columnCount: Int
    ) {
        checkOffsets(offsets, rowCount: inputGradient.count / max(1, columnCount), "mean of rows backward")
        outputGradient.require((offsets.count - 1) * columnCount, "mean of rows backward", "output gradient")
        unsafe vlm_mean_rows_backward(
            outputGradient.pointer, offsets, inputGradient.pointer, offsets.count - 1, columnCount)
    }

    /// Traps unless every index is in 0 ..< bound: an index from outside would read or write foreign memory.
    private static func check(_ indices: [Int32], below bound: Int, _ operation: StaticString) {
        for index in indices where index < 0 || Int(index) >= bound {
            preconditionFailure("\(operation): index \(index) outside 0..<\(bound)")
        }
    }

    /// Traps unless offsets rise from 0 or more to at most `rowCount`.
    static func checkOffsets(_ offsets: [Int32], rowCount: Int, _ operation: StaticString) {
        precondition(!offsets.isEmpty, "\(operation): no offsets")
        var previous: Int32 = 0
        for offset in offsets {
            precondition(offset >= previous, "\(operation): offset \(offset) after \(previous)")
            previous = offset
        }
        precondition(Int(previous) <= rowCount, "\(operation): \(previous) rows of \(rowCount)")
    }
}
