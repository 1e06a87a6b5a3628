import CKernels

/// The plain twin of the scan kernel.
enum PlainTwin {
    static func dot(_ query: [Float], _ row: [UInt16]) -> Float {
        unsafe query.withUnsafeBufferPointer { query in
            unsafe row.withUnsafeBufferPointer { row in
                guard let left = query.baseAddress, let right = row.baseAddress else { return 0 }
                return unsafe vlm_dot_f16_plain(left, right, row.count, vlm_scan_is_fused())
            }
        }
    }

    static func scan(_ queries: [Float], _ rows: [UInt16], dimension: Int) -> [Float] {
        let rowCount = rows.count / dimension
        let queryCount = queries.count / dimension
        // One guard element per query row shows writes past the end.
        var scores = [Float](repeating: -7, count: queryCount * (rowCount + 1))
        unsafe queries.withUnsafeBufferPointer { queries in
            unsafe rows.withUnsafeBufferPointer { rows in
                unsafe scores.withUnsafeMutableBufferPointer { scores in
                    guard let left = queries.baseAddress, let right = rows.baseAddress, let to = scores.baseAddress
                    else { return }
                    unsafe vlm_scan_f16(left, queryCount, right, rowCount, dimension, to, rowCount + 1)
                }
            }
        }
        return scores
    }
}
