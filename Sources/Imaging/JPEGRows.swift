import CImageCodecs

/// The rows of a JPEG of one or three components as RGB, decoded as they are asked for.
@safe struct JPEGRows: ~Copyable {
    /// The columns that are delivered, of the scaled picture.
    let columns: Range<Int>
    private let reader: OpaquePointer
    private let limits: ImageLimits

    /// - Parameters:
    ///   - bytes: the whole file; must outlive the value.
    ///   - columns: those that are wanted, of the scaled picture.
    ///   - scaleDenominator: 1, 2, 4 or 8.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>, _ header: ImageHeader, columns: Range<Int>, scaleDenominator: Int,
        limits: ImageLimits
    ) throws(ImagingError) {
        var status = vlm_codec_status()
        var window = vlm_jpeg_window(first_column: UInt32(columns.lowerBound), column_count: UInt32(columns.count))
        var reader: OpaquePointer?
        unsafe vlm_jpeg_open(
            bytes.baseAddress, bytes.count, UInt32(header.pixelWidth), UInt32(header.pixelHeight), VLM_PIXELS_RGB8,
            Int32(clamping: limits.maximumScanCount), UInt32(scaleDenominator), &window, &reader, &status)
        guard let reader = unsafe reader else { throw ImagingError(status, .jpeg, limits) }
        unsafe self.reader = reader
        self.limits = limits
        self.columns = Int(window.first_column)..<Int(window.first_column + window.column_count)
    }

    deinit { unsafe vlm_jpeg_close(reader) }

    /// Overwrites `strip` with the next rows, `columns.count` pixels each: as many as it holds.
    mutating func read(into strip: inout [UInt8]) throws(ImagingError) {
        var status = vlm_codec_status()
        let rowCount = strip.count / (3 * columns.count)
        // As many bytes are written as whole rows fit.
        unsafe strip.withUnsafeMutableBufferPointer { strip in
            _ = unsafe vlm_jpeg_read(reader, UInt32(rowCount), strip.baseAddress, &status)
        }
        try check(status)
    }

    /// Passes over rows, of which the picture's last must not be one.
    mutating func skip(_ rowCount: Int) throws(ImagingError) {
        guard rowCount > 0 else { return }
        var status = vlm_codec_status()
        _ = unsafe vlm_jpeg_skip(reader, UInt32(rowCount), &status)
        try check(status)
    }

    private func check(_ status: vlm_codec_status) throws(ImagingError) {
        guard status.code == Int32(VLM_CODEC_OK) else { throw ImagingError(status, .jpeg, limits) }
    }
}
