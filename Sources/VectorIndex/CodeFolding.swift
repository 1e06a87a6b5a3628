import CKernels

/// The exchange of plain and folded codes.
enum CodeFolding {
    /// Plain codes folded, or folded ones made plain: the exchange is its own inverse.
    static func folded(_ high: [UInt8], signs: [UInt8], codeDimension: Int) -> [UInt8] {
        var result = high
        unsafe signs.withUnsafeBufferPointer { signs in
            unsafe result.withUnsafeMutableBufferPointer { result in
                guard let from = signs.baseAddress, let to = result.baseAddress else { return }
                unsafe fold(to, signs: from, rowCount: result.count * 2 / codeDimension, codeDimension: codeDimension)
            }
        }
        return result
    }

    @unsafe static func fold(
        _ high: UnsafeMutablePointer<UInt8>, signs: UnsafePointer<UInt8>, rowCount: Int, codeDimension: Int
    ) {
        unsafe vlm_fold_high(signs, high, rowCount, codeDimension)
    }
}
