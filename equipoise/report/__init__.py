"""equipoise.report"""
