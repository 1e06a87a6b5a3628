import ByteFormats
import Foundation

/// What became of one item.
enum EncodedItem: Sendable {
    /// Floats of a shape, row-major; rows of a text beyond its end token are missing.
    case floats([Float], shape: [Int])
    /// U8 [S, S, 3].
    case pixels([UInt8], size: Int)
    /// Token ids, and the characters that did not fit.
    case tokens([Int32], droppedCharacterCount: Int)
    /// Why there is nothing.
    case failure(String)
}

/// Takes items in the order given.
protocol EncodeSink {
    /// Takes the next item.
    mutating func add(_ item: EncodedItem, of input: String) throws
    /// Called once, after the last item.
    mutating func finish() throws
    /// Called instead of `finish` when the run fails.
    mutating func abandon() throws
}

/// Writes one JSON object a line to standard output: `image` or `text`, and `embedding`, `features`, `tokens` or `error`.
struct JSONLineSink: EncodeSink {
    private struct Line: Encodable {
        var image: String?
        var text: String?
        var error: String?
        var tokens: [Int32]?
        var droppedCharacters: Int?
    }

    /// Whether items are paths of pictures.
    let isImages: Bool
    /// The key of floats.
    let key: String

    mutating func add(_ item: EncodedItem, of input: String) throws {
        var line = Line()
        if isImages { line.image = input } else { line.text = input }
        switch item {
        case .floats(let values, let shape):
            // A foundation encoder takes a second for what this takes milliseconds.
            let start = try JSONFile.line(line).dropLast()
            print("\(start),\"\(key)\":\(Self.text(values[...], shape[...]))}")
        case .tokens(let tokens, let droppedCharacterCount):
            line.tokens = tokens
            line.droppedCharacters = droppedCharacterCount > 0 ? droppedCharacterCount : nil
            print(try JSONFile.line(line))
        case .failure(let reason):
            line.error = reason
            print(try JSONFile.line(line))
        case .pixels:
            preconditionFailure("pixels are written to a file")
        }
    }

    func finish() {}
    func abandon() {}

    /// Nested arrays, each float with the fewest digits that give it back.
    private static func text(_ values: ArraySlice<Float>, _ shape: ArraySlice<Int>) -> String {
        guard let count = shape.first, shape.count > 1 else {
            return "[" + values.map(\.description).joined(separator: ",") + "]"
        }
        let step = shape.dropFirst().reduce(1, *)
        let parts = (0..<count).map { index in
            text(
                values[values.startIndex + index * step..<values.startIndex + (index + 1) * step], shape.dropFirst())
        }
        return "[" + parts.joined(separator: ",") + "]"
    }
}

/// Writes a NumPy array whose first dimension counts the items, F32 or U8.
///
/// Rows go to `PATH.rows` as they come, since their number is known at the end only; memory holds one row. An item that was
/// skipped is a row of NaN, and so are the rows of a text behind its end token; of U8 pictures none can be skipped.
struct NumpySink: EncodeSink {
    let path: String
    /// The shape of one item, where the model alone decides it; nil for the first item's.
    private var itemShape: [Int]?
    private var element = NumpyFile.Element.float32
    private var rows: RowFile
    private var itemCount = 0
    /// Items skipped before the shape was known.
    private var leadingFailureCount = 0

    /// The growing file; a class, since a file that is locked cannot be copied.
    private final class RowFile {
        var file: AppendFile

        init(path: String) throws(ByteFormatError) {
            file = try AppendFile(path: path)
            try file.truncate(to: 0)
        }
    }

    private static let copyByteCount = 4 << 20
    private var rowsPath: String { path + ".rows" }

    init(path: String, itemShape: [Int]?) throws {
        self.path = path
        self.itemShape = itemShape
        rows = try RowFile(path: path + ".rows")
    }

    mutating func add(_ item: EncodedItem, of input: String) throws {
        itemCount += 1
        switch item {
        case .floats(var values, let shape):
            let wanted = try takeShape(shape, .float32)
            values += [Float](repeating: .nan, count: wanted.reduce(1, *) - values.count)
            unsafe try rows.file.append(values.span.bytes)
        case .pixels(let bytes, let size):
            _ = try takeShape([size, size, 3], .uint8)
            try rows.file.append(bytes)
        case .failure:
            guard let itemShape else {
                leadingFailureCount += 1
                return
            }
            let values = [Float](repeating: .nan, count: itemShape.reduce(1, *))
            unsafe try rows.file.append(values.span.bytes)
        case .tokens:
            preconditionFailure("token ids are written as JSON lines")
        }
    }

    /// Fixes the shape at the first item, and writes the rows of what was skipped before it.
    private mutating func takeShape(_ shape: [Int], _ element: NumpyFile.Element) throws -> [Int] {
        self.element = element
        let wanted = itemShape ?? shape
        itemShape = wanted
        for _ in 0..<leadingFailureCount {
            let values = [Float](repeating: .nan, count: wanted.reduce(1, *))
            unsafe try rows.file.append(values.span.bytes)
        }
        leadingFailureCount = 0
        return wanted
    }

    mutating func finish() throws {
        let rows = rows
        try NumpyFile.write(path: path, element: element, shape: [itemCount] + (itemShape ?? [0])) { file in
            var offset = 0
            while offset < rows.file.byteCount {
                let count = min(Self.copyByteCount, rows.file.byteCount - offset)
                try file.write(try rows.file.read(byteOffset: offset, byteCount: count))
                offset += count
            }
        }
        try Folder.removeFile(rowsPath)
    }

    mutating func abandon() throws {
        try Folder.removeFile(rowsPath)
    }
}
