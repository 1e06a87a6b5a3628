import CKernels

/// The kernels of Pillow that the reference pipelines resize with.
public enum ResampleFilter: String, Hashable, Sendable, Codable, CaseIterable {
    /// Triangle, support 1.
    case bilinear
    /// Keys' cubic convolution with a = −1/2, support 2.
    case bicubic

    /// Half width of the kernel at scale 1.
    var support: Double { self == .bicubic ? 2 : 1 }

    /// The kernel's value, in the order of operations of Pillow, which its bits depend on.
    func value(at position: Double) -> Double {
        let x = position < 0 ? -position : position
        switch self {
        case .bilinear:
            return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}

/// Which source elements along one axis make each target element, and with which weights.
///
/// For target element i of a box `start ..< end` scaled to `targetCount`, in doubles: scale = (end − start) /
/// targetCount, filter scale fs = max(1, scale), centre c = start + (i + 0.5) · scale, window trunc(c ± support · fs +
/// 0.5) cut to the source, weights f((j − c + 0.5) / fs) divided by their sum; for 8-bit channels then rounded half away
/// from zero to 22 fraction bits, so that they need not sum to exactly 1 (reference: Pillow's Resample.c).
public struct ResampleAxis: Sendable {
    /// Number of source elements.
    public let sourceCount: Int
    /// Number of target elements that are computed.
    public let targetCount: Int
    /// Weights per target element. Windows narrower than this, at the borders, have zero weights added.
    public let tapCount: Int
    /// First source element of each window; `starts[i] + tapCount <= sourceCount`.
    let starts: [Int32]
    /// `tapCount` weights per target element.
    let weights: [Double]
    /// The weights in fixed point.
    let coefficients: [Int32]

    /// The weights to scale source elements `box` to `targetCount` elements, of which only `targets` are computed.
    ///
    /// The kernel may read source elements outside the box. Where possible `tapCount` is a multiple of `tapAlignment`.
    /// Traps unless the box lies in the source and is not empty, and `targets` lies in `0 ..< targetCount` and is not
    /// empty.
    public init(
        sourceCount: Int, box: Range<Int>, targetCount: Int, targets: Range<Int>, filter: ResampleFilter,
        tapAlignment: Int = 1
    ) {
        precondition(
            !box.isEmpty && box.lowerBound >= 0 && box.upperBound <= sourceCount && sourceCount <= Int(Int32.max),
            "ResampleAxis: box \(box) of \(sourceCount) source elements")
        precondition(
            !targets.isEmpty && targets.lowerBound >= 0 && targets.upperBound <= targetCount,
            "ResampleAxis: targets \(targets) of \(targetCount)")
        let scale = Double(box.count) / Double(targetCount)
        let filterScale = max(1, scale)
        let support = filter.support * filterScale
        let inverse = 1 / filterScale
        let start = Double(box.lowerBound)
        func window(_ index: Int) -> (center: Double, low: Int, high: Int) {
            let center = start + (Double(index) + 0.5) * scale
            return (center, max(0, Int(center - support + 0.5)), min(sourceCount, Int(center + support + 0.5)))
        }

        var widest = 1
        for index in targets {
            let (_, low, high) = window(index)
            widest = max(widest, high - low)
        }
        let aligned = (widest + tapAlignment - 1) / tapAlignment * tapAlignment
        let tapCount = min(aligned, sourceCount)
        var starts: [Int32] = []
        starts.reserveCapacity(targets.count)
        var weights = [Double](repeating: 0, count: targets.count * tapCount)
        for (row, index) in targets.enumerated() {
            let (center, low, high) = window(index)
            let first = min(low, sourceCount - tapCount)
            let place = row * tapCount + low - first
            var sum = 0.0
            for tap in 0..<(high - low) {
                let weight = filter.value(at: (Double(tap + low) - center + 0.5) * inverse)
                weights[place + tap] = weight
                sum += weight
            }
            if sum != 0 {
                for tap in 0..<(high - low) { weights[place + tap] /= sum }
            }
            starts.append(Int32(first))
        }
        let one = Double(1 << VLM_RESAMPLE_FRACTION_BITS)
        self.init(
            sourceCount: sourceCount, tapCount: tapCount, starts: starts, weights: weights,
            coefficients: weights.map { Int32($0 * one + ($0 < 0 ? -0.5 : 0.5)) })
    }

    /// Windows of the same width, in ascending order, that lie in the source.
    init(sourceCount: Int, tapCount: Int, starts: [Int32], weights: [Double], coefficients: [Int32]) {
        self.sourceCount = sourceCount
        self.targetCount = starts.count
        self.tapCount = tapCount
        self.starts = starts
        self.weights = weights
        self.coefficients = coefficients
    }

    /// The source elements that any target element needs.
    public var sourceRange: Range<Int> {
        let low = starts.min() ?? 0
        let high = starts.max() ?? 0
        return Int(low)..<Int(high) + tapCount
    }
}

/// Resampling of pictures, bit for bit as Pillow's `Image.resize`.
public enum Resampling {
    /// Channels of a pixel, interleaved.
    public enum PixelFormat: Sendable {
        /// Three of 8 bits.
        case rgb8
        /// Four of 8 bits, each treated alike.
        case rgba8
        /// One of 16 bits, in the byte order of the machine.
        case grey16

        /// Bytes per pixel.
        public var byteCount: Int {
            switch self {
            case .rgb8: 3
            case .rgba8: 4
            case .grey16: 2
            }
        }
    }

    /// Which loops to run. Both give the same bytes; of `grey16` there is only one kind.
    public enum Loops: Sendable {
        /// The widest vectors of this processor.
        case fastest
        /// One element after another; to test the other against.
        case plain
    }

    /// Which of the two passes runs first. It matters, since the result of the first is rounded to whole numbers.
    public enum PassOrder: Sendable {
        /// The horizontal pass, which makes the columns.
        case columnsFirst
        /// The vertical pass, which makes the rows.
        case rowsFirst
    }

    /// Scales the picture (or view of one) whose first pixel is at `offset` and whose rows are `rowStride` bytes apart.
    ///
    /// - Parameters:
    ///   - source: pixels of `format`.
    ///   - width: source columns; equal to `columns.sourceCount` where that is given.
    ///   - height: source rows; equal to `rows.sourceCount` where that is given.
    ///   - columns: how target columns are made; `nil` keeps all columns as they are.
    ///   - rows: how target rows are made; `nil` keeps all rows as they are.
    /// - Returns: target height × target width pixels of `format`. Only the source rows that the target needs are read.
    public static func resampled(
        _ source: Span<UInt8>, format: PixelFormat, offset: Int = 0, rowStride: Int, width: Int, height: Int,
        columns: ResampleAxis?, rows: ResampleAxis?, order: PassOrder = .columnsFirst, loops: Loops = .fastest
    ) -> [UInt8] {
        precondition(
            columns.map { $0.sourceCount == width } ?? true && rows.map { $0.sourceCount == height } ?? true,
            "resampled: axes of another size than \(width) × \(height)")
        precondition(
            width >= 1 && height >= 1 && offset >= 0 && rowStride >= format.byteCount * width
                && offset + (height - 1) * rowStride + format.byteCount * width <= source.count,
            "resampled: \(width) × \(height) with stride \(rowStride) exceeds \(source.count) bytes")
        // Pointers stay within what the two checks above allow, with windows inside the axes' source counts.
        return unsafe source.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return [] }
            let view = unsafe PixelView(
                base: base + offset, rowStride: rowStride, width: width, format: format, loops: loops)
            switch (columns, rows, order) {
            case (nil, nil, _):
                return PixelRearrangement.rearranged(
                    source, pixelByteCount: format.byteCount, origin: offset, rowStep: rowStride,
                    columnStep: format.byteCount, width: width, height: height)
            case (let columns?, nil, _):
                return view.columns(columns, sourceRows: 0..<height)
            case (nil, let rows?, _):
                return view.rows(rows, firstSourceRow: 0)
            case (let columns?, let rows?, .columnsFirst):
                let needed = rows.sourceRange
                let middle = view.columns(columns, sourceRows: needed)
                return unsafe middle.withUnsafeBufferPointer { middle in
                    guard let base = middle.baseAddress else { return [] }
                    return unsafe view.following(base, width: columns.targetCount)
                        .rows(rows, firstSourceRow: needed.lowerBound)
                }
            case (let columns?, let rows?, .rowsFirst):
                let middle = view.rows(rows, firstSourceRow: 0)
                return unsafe middle.withUnsafeBufferPointer { middle in
                    guard let base = middle.baseAddress else { return [] }
                    return unsafe view.following(base, width: width).columns(columns, sourceRows: 0..<rows.targetCount)
                }
            }
        }
    }
}

/// Rows of pixels in memory that outlives the view: it is made and used within one `withUnsafeBufferPointer`.
@safe private struct PixelView {
    let base: UnsafePointer<UInt8>
    let rowStride: Int
    let width: Int
    let format: Resampling.PixelFormat
    let loops: Resampling.Loops

    /// A view of the same kind on the tight rows that one pass made.
    func following(_ base: UnsafePointer<UInt8>, width: Int) -> PixelView {
        unsafe PixelView(base: base, rowStride: format.byteCount * width, width: width, format: format, loops: loops)
    }

    func columns(_ axis: ResampleAxis, sourceRows: Range<Int>) -> [UInt8] {
        let targetStride = format.byteCount * axis.targetCount
        return unsafe filled(byteCount: targetStride * sourceRows.count) { target in
            let first = unsafe base + sourceRows.lowerBound * rowStride
            unsafe axis.starts.withUnsafeBufferPointer { starts in
                if format == .grey16 {
                    return unsafe axis.weights.withUnsafeBufferPointer { weights in
                        unsafe vlm_resample_columns_u16(
                            first, rowStride, target, targetStride, sourceRows.count, axis.targetCount,
                            starts.baseAddress, weights.baseAddress, axis.tapCount)
                    }
                }
                unsafe axis.coefficients.withUnsafeBufferPointer { coefficients in
                    guard loops == .fastest else {
                        return unsafe vlm_resample_columns_u8_plain(
                            first, rowStride, target, targetStride, sourceRows.count, axis.targetCount,
                            starts.baseAddress, coefficients.baseAddress, axis.tapCount, format.byteCount)
                    }
                    let run = unsafe format == .rgb8 ? vlm_resample_columns_rgb8 : vlm_resample_columns_rgba8
                    unsafe run(
                        first, rowStride, target, targetStride, sourceRows.count, axis.targetCount,
                        starts.baseAddress, coefficients.baseAddress, axis.tapCount)
                }
            }
        }
    }

    /// `firstSourceRow` is the number, in the axis' terms, of the view's first row.
    func rows(_ axis: ResampleAxis, firstSourceRow: Int) -> [UInt8] {
        let targetStride = format.byteCount * width
        return unsafe filled(byteCount: targetStride * axis.targetCount) { target in
            let first = unsafe base - firstSourceRow * rowStride
            unsafe axis.starts.withUnsafeBufferPointer { starts in
                if format == .grey16 {
                    return unsafe axis.weights.withUnsafeBufferPointer { weights in
                        unsafe vlm_resample_rows_u16(
                            first, rowStride, target, targetStride, width, axis.targetCount, starts.baseAddress,
                            weights.baseAddress, axis.tapCount)
                    }
                }
                unsafe axis.coefficients.withUnsafeBufferPointer { coefficients in
                    let run = unsafe loops == .plain ? vlm_resample_rows_u8_plain : vlm_resample_rows_u8
                    unsafe run(
                        first, rowStride, target, targetStride, targetStride, axis.targetCount, starts.baseAddress,
                        coefficients.baseAddress, axis.tapCount)
                }
            }
        }
    }

    /// Bytes that `fill` writes, all of them.
    private func filled(byteCount: Int, _ fill: (UnsafeMutablePointer<UInt8>?) -> Void) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
            unsafe fill(target.baseAddress)
            count = byteCount
        }
    }
}
